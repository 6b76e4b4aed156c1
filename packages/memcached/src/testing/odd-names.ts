/** Ends the command it is in and begins another, where names are pasted into lines. */
export const INJECTION = '\r\nset evil 0 0 4\r\nPWND\r\n'

/** Names that some program somewhere took for something else. No two are the same. */
export const ODD_NAMES: readonly string[] = [
  ...[' ', '\t', '\r', '\n', '\r\n', '\0', 'a\0b', 'a b', INJECTION, `x${INJECTION}`],
  ...['x\r\nset evil 0 0 4\r\nPWND', 'k 0 0 1\r\nx', 'mn\r\n', ' q', 'k b', 'k v'],
  // é in one code point and in two, and letters whose case depends on the place.
  ...['\u00e9', 'e\u0301', '😀', '\ufffd', '\u2028', 'İ', 'ı', 'i', 'w6k=', 'YQ=='],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype'],
  // Globs, hash tags, separators and escapes, ours among them.
  ...['*', '?', '[a]', '{', '}', '{}', 'a}', '{a', ':', '1:s', 'v:4:shop', 'a,b', '\\', '\\[', '[', '["a"]'],
  ...['t/1', 't\\/1', '42', 'null', 'true', 'undefined', '{"a":1}', '\x7f', '\x80'],
  // Around what a server takes as it is, as base64, and not at all.
  ...[100, 170, 171, 185, 186, 187, 240, 241, 249, 250, 251, 252].map((length) => 'x'.repeat(length)),
  ...[50, 60, 61, 62, 63, 90].map((length) => 'é'.repeat(length)),
]
