/**
 * 64 bits over a key, by which a reader notices an entry that is another key's: HalfSipHash-1-3 over the key's UTF-16
 * units in little-endian order, keyed by the 8 bytes at `idAt`, the entry's own random id. The id makes it a check
 * that nobody can prepare for: with a fixed function, two keys that share a check are found in a second.
 * Source: Aumasson and Bernstein, SipHash (2012). Cost: a few instructions a character, no
 * allocation where it is inlined.
 */
export function keyCheck(key: string, bytes: Buffer, idAt: number): readonly [first: number, second: number] {
  const seed = bytes.readInt32LE(idAt)
  const seed2 = bytes.readInt32LE(idAt + 4)
  let v0 = seed
  let v1 = seed2 ^ LONG_OUTPUT
  let v2 = seed ^ 0x6c796765
  let v3 = seed2 ^ 0x74656462
  let first = 0
  const words = key.length >>> 1
  // One loop for words, length and the twice three rounds behind them: one copy of the round.
  for (let i = 0; i <= words + 6; i++) {
    let word = 0
    if (i < words) word = key.charCodeAt(2 * i) | (key.charCodeAt(2 * i + 1) << 16)
    else if (i === words) word = lastWord(key)
    else if (i === words + 1) v2 ^= LONG_OUTPUT
    else if (i === words + 4) {
      first = v1 ^ v3
      v1 ^= SECOND_HALF
    }
    v3 ^= word
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= word
  }
  return [first >>> 0, (v1 ^ v3) >>> 0]
}

// The constants by which the reference tells its 64-bit output from the 32-bit one, and its halves from each other.
const LONG_OUTPUT = 0xee
const SECOND_HALF = 0xdd

/** The unit that makes no pair, if there is one, and the length in bytes (its low 8 bits) on top. */
function lastWord(key: string): number {
  return (key.length << 25) | (key.length % 2 === 1 ? key.charCodeAt(key.length - 1) : 0)
}
