/** Bytes that are used again by the next call of whoever lends them. */
export interface LentBytes {
  bytes: Buffer
  length: number
}

const lent: LentBytes = { bytes: Buffer.allocUnsafeSlow(1024), length: 0 }

// Longer texts are written faster by Node, shorter ones here.
const SHORT_CHARS_MAX = 100

/**
 * The UTF-8 bytes of a key, at the beginning of a buffer that has room for `spare` more. Cost: no allocation, but for the
 * longest key yet.
 */
export function keyBytes(key: string, spare: number): LentBytes {
  // A UTF-16 unit has at most three bytes.
  const needed = key.length * 3 + spare
  if (needed > lent.bytes.length) lent.bytes = Buffer.allocUnsafeSlow(needed * 2)
  lent.length = writeAscii(key, lent.bytes) ? key.length : lent.bytes.write(key, 0, 'utf8')
  return lent
}

/** False: it is long, or more than ASCII. */
function writeAscii(key: string, bytes: Buffer): boolean {
  if (key.length > SHORT_CHARS_MAX) return false
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i)
    if (unit > 0x7f) return false
    bytes[i] = unit
  }
  return true
}
