import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { systemClock } from '../clock.ts'

/** A whole number of 0 to below `below`. */
export type Dice = (below: number) => number

/** Mulberry32: a few lines of arithmetic that replay from a seed. */
export function dice(seed: number): Dice {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

// What a mutation writes: bytes that mean something to one of the formats, more often than not.
const PIECES = [
  ...[
    '[',
    ']',
    '{',
    '}',
    '"',
    ',',
    ':',
    '-',
    '1',
    '9999999',
    '[1]',
    '[-2]',
    'null',
    '1e9',
    '\\u0000',
    '\ud800',
  ],
  ...['"Map"', '"Named"', '"Date"', '"RegExp"', '"Point"', '"__proto__":', '["Uint8Array",1e9]'],
].map((piece) => Buffer.from(piece))

/** A copy with one to four changes: bytes changed, cut out, put in, written over, repeated, and digits turned. */
export function mutated(original: Buffer, next: Dice): Buffer {
  let bytes = Buffer.from(original)
  for (let changes = 1 + next(4); changes > 0 && bytes.length > 0; changes--) {
    const at = next(bytes.length)
    const piece = PIECES[next(PIECES.length)] ?? Buffer.alloc(0)
    const kind = next(8)
    if (kind === 0) bytes[at] = next(256)
    else if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + next(4))])
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
    else if (kind === 3)
      bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + piece.length)])
    else if (kind === 4) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(next(bytes.length))])
    else changeDigit(bytes, at, next(10))
  }
  return bytes
}

/** References, codes, lengths and times are digits: the text stays JSON and means something else. */
function changeDigit(bytes: Buffer, from: number, digit: number): void {
  const at = bytes.findIndex((byte, i) => i >= from && byte >= 0x30 && byte <= 0x39)
  if (at >= 0) bytes[at] = 0x30 + digit
}

/** The time of the fastest of up to five runs, the first of which is under `enoughMs`: a pause of the machine is not ours. */
export function fastestMs(enoughMs: number, act: () => void): number {
  let fastest = Number.POSITIVE_INFINITY
  for (let run = 0; run < 5 && fastest > enoughMs; run++) {
    const start = systemClock.now()
    act()
    fastest = Math.min(fastest, systemClock.now() - start)
  }
  return fastest
}

/** Resident memory once what nobody holds is gone; the engine's empty pages, which grow as it likes, are left out. */
export function residentBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect === 'function') collect()
  const { rss, heapTotal, heapUsed } = process.memoryUsage()
  return rss - heapTotal + heapUsed
}
