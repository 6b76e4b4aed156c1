import type { CacheKey } from 'holdfast'

/** Ends the command it is in and begins another, where names are pasted into lines. */
export const INJECTION = '\r\nFLUSHALL\r\n'

/** Names that some program somewhere took for something else. No two are the same. */
export const ODD_NAMES: readonly string[] = [
  ...[' ', '\t', '\r', '\n', '\r\n', '\0', 'a\0b', INJECTION, '$3\r\nfoo\r\n'],
  'x\r\nset evil 0 0 4\r\nPWND',
  // é in one code point and in two, and letters whose case depends on the place.
  ...['\u00e9', 'e\u0301', '😀', '\ufffd', '\u2028', 'İ', 'ı', 'i'],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype'],
  // Globs, hash tags, separators and escapes, ours among them.
  ...['*', '?', '[a]', '{', '}', '{}', 'a}', '{a', ':', '1:s', 'a,b', '\\', '\\[', '[', '["a"]'],
  ...['v:{6:inputsk}', 't/1', 't\\/1', '42', 'null', 'true', 'undefined', '{"a":1}'],
]

/** Tuple keys, each of which another one of these, or of the names above, nearly is. */
export const ODD_TUPLES: readonly CacheKey[] = [
  ['a'],
  ['a', 'b'],
  [['a', 'b']],
  ['a,b'],
  ['a","b'],
  [''],
  [' '],
  [42],
  ['42'],
  [42n],
  [-0.5],
  [null],
  ['null'],
  [true],
  ['true'],
  [{}],
  [[]],
  [new Date(0)],
  ['1970-01-01T00:00:00.000Z'],
  ['@1970-01-01T00:00:00.000Z'],
  [{ a: 1 }],
  [{ a: '1' }],
  [{ a: [1] }],
  [{ a: { b: 1 } }],
  ['{"a":1}'],
]
