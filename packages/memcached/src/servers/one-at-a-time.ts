import { keyBytes } from './key-bytes.ts'

/** Jenkins' one-at-a-time hash of a text's UTF-8 bytes, as libhashkit has it: bytes count as signed. */
export function oneAtATime(text: string): number {
  const { bytes, length } = keyBytes(text, 0)
  let hash = 0
  for (let i = 0; i < length; i++) {
    hash = (hash + bytes.readInt8(i)) | 0
    hash = (hash + (hash << 10)) | 0
    hash ^= hash >>> 6
  }
  hash = (hash + (hash << 3)) | 0
  hash ^= hash >>> 11
  return (hash + (hash << 15)) >>> 0
}
