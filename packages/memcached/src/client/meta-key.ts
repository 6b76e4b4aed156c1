import { createHash } from 'node:crypto'

/** A name as it goes over the wire: printable ASCII without spaces, at most 250 bytes. Made by `metaKey` alone. */
export interface MetaKey {
  readonly text: string
  /** The text is base64 of the key's bytes: flag `b` goes with it. */
  readonly isBinary: boolean
  /** The bytes are a hash: two names that share them are not known, but nothing in them tells one from the other. */
  readonly isHashed: boolean
}

// What the server takes as it is: characters between these two, and no more than so many.
const SPACE = 0x20
const DELETE = 0x7f
const PLAIN_CHARS_MAX = 250
// 248 characters of base64; four more would be too long.
const BINARY_BYTES_MAX = 186
// No UTF-8 text begins with this byte: a hashed name is never the name of anything else.
const HASH_MARK = Buffer.from([0xff])

/**
 * The key of a name. Printable ASCII up to 250 characters is itself; other text up to 186 bytes of UTF-8 is its bytes,
 * in base64; anything longer, or with lone surrogates, is the byte 0xff and the SHA-256 of the name. No two names share
 * a key, but for a collision of SHA-256: an entry under such a key carries its own whole.
 */
export function metaKey(name: string): MetaKey {
  if (isPlain(name)) return { text: name, isBinary: false, isHashed: false }
  // UTF-8 has no form for lone surrogates, and would write all of them alike.
  if (!name.isWellFormed()) return hashed(Buffer.from(name, 'utf16le'), 'utf16')
  const bytes = Buffer.from(name)
  if (bytes.length === 0 || bytes.length > BINARY_BYTES_MAX) return hashed(bytes, 'utf8')
  return { text: bytes.toString('base64'), isBinary: true, isHashed: false }
}

function hashed(bytes: Buffer, form: 'utf8' | 'utf16'): MetaKey {
  const hash = createHash('sha256').update(`${form}:`).update(bytes).digest()
  return { text: Buffer.concat([HASH_MARK, hash]).toString('base64'), isBinary: true, isHashed: true }
}

/** Every command asks this of its key: to call a regular expression for it is a tenth of all that a short get costs us. */
function isPlain(name: string): boolean {
  const { length } = name
  if (length === 0 || length > PLAIN_CHARS_MAX) return false
  for (let i = 0; i < length; i++) {
    const code = name.charCodeAt(i)
    if (code <= SPACE || code >= DELETE) return false
  }
  return true
}
