import { keyBytes } from './key-bytes.ts'

// RFC 1321, section 3.4: the sines, and what its four rounds rotate by.
const SINES = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32))
const SHIFTS = Uint8Array.of(7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21)

const BLOCK_BYTES = 64
// The one bit, and the length.
const PADDING_BYTES_MAX = BLOCK_BYTES + 8

const words = new Int32Array(16)
const digest = new Uint32Array(4)

/**
 * MD5 of a text's UTF-8 bytes, as the four little-endian words that ketama takes from it; they are in use until the next
 * call. RFC 1321. Here it spreads keys and protects nothing: node:crypto's takes three times as long, and is refused
 * where Node runs with FIPS. Cost: 0.3 µs for a short key, no allocation.
 */
export function md5(text: string): Uint32Array {
  const { bytes, length } = keyBytes(text, PADDING_BYTES_MAX)
  const end = (((length + 8) >> 6) + 1) * BLOCK_BYTES
  bytes[length] = 0x80
  for (let at = length + 1; at < end; at++) bytes[at] = 0
  bytes.writeUInt32LE((length << 3) >>> 0, end - 8)
  bytes[end - 4] = length >>> 29
  digest[0] = 0x67452301
  digest[1] = 0xefcdab89
  digest[2] = 0x98badcfe
  digest[3] = 0x10325476
  for (let at = 0; at < end; at += BLOCK_BYTES) addBlock(bytes, at)
  return digest
}

function addBlock(bytes: Buffer, at: number): void {
  for (let i = 0, b = at; i < 16; i++, b += 4) {
    words[i] =
      byte(bytes, b) | (byte(bytes, b + 1) << 8) | (byte(bytes, b + 2) << 16) | (byte(bytes, b + 3) << 24)
  }
  let a = word(digest, 0)
  let b = word(digest, 1)
  let c = word(digest, 2)
  let d = word(digest, 3)
  for (let i = 0; i < 64; i++) {
    const round = i >> 4
    let mixed: number
    let from: number
    if (round === 0) {
      mixed = (b & c) | (~b & d)
      from = i
    } else if (round === 1) {
      mixed = (d & b) | (~d & c)
      from = (5 * i + 1) & 15
    } else if (round === 2) {
      mixed = b ^ c ^ d
      from = (3 * i + 5) & 15
    } else {
      mixed = c ^ (b | ~d)
      from = (7 * i) & 15
    }
    const sum = (a + mixed + word(SINES, i) + word(words, from)) | 0
    const shift = word(SHIFTS, (round << 2) | (i & 3))
    a = d
    d = c
    c = b
    b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0
  }
  digest[0] = word(digest, 0) + a
  digest[1] = word(digest, 1) + b
  digest[2] = word(digest, 2) + c
  digest[3] = word(digest, 3) + d
}

function byte(bytes: Buffer, at: number): number {
  return bytes[at] ?? 0
}

function word(from: Int32Array | Uint32Array | Uint8Array, at: number): number {
  return from[at] ?? 0
}
