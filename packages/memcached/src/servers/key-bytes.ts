/** Room for the text of a key, and for what a hash puts behind it. */
let bytes = Buffer.allocUnsafeSlow(1024)

/**
 * The UTF-8 bytes of a key, at the beginning of a buffer that is used again by the next call, and their number. There is
 * room for `spare` more. Cost: no allocation, but for the longest key yet.
 */
export function keyBytes(key: string, spare: number): { readonly bytes: Buffer; readonly length: number } {
  // A UTF-16 unit has at most three bytes.
  const needed = key.length * 3 + spare
  if (needed > bytes.length) bytes = Buffer.allocUnsafeSlow(needed * 2)
  result.bytes = bytes
  result.length = bytes.write(key, 0, 'utf8')
  return result
}

const result = { bytes, length: 0 }
