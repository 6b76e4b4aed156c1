import { MetaProtocolError } from './meta-protocol-error.ts'
import type { MetaCode, ReplyInMaking } from './meta-reply.ts'

/** Where the end of a line has not come. */
export const UNFINISHED = -1

// Digits that a number holds exactly whatever they are, and those of 64 bits.
const NUMBER_DIGITS_MAX = 15
const CAS_DIGITS_MAX = 20

const CR = 0x0d
const LF = 0x0a
const SPACE = 0x20
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
/** Read instead of a byte behind the end. */
const NO_BYTE = -1
/** What `readNumber` read last: it has two things to tell, and an object for them would be one a number. */
let numberRead = 0

// Codes: two bytes as one number.
const HD = 0x4844
const VA = 0x5641
const EN = 0x454e
const NF = 0x4e46
const NS = 0x4e53
const EX = 0x4558
const MN = 0x4d4e

const OPAQUE = 0x4f // O
const CAS = 0x63 // c
const CLIENT_FLAGS = 0x66 // f
const TTL = 0x74 // t
const WON = 0x57 // W
const STALE = 0x58 // X
const LOST = 0x5a // Z

/** The code that a line begins with, where it answers a meta command; null: too little of it has come to tell. */
export function metaCodeAt(bytes: Buffer, at: number): MetaCode | undefined | null {
  const behind = byteAt(bytes, at + 2)
  if (behind === NO_BYTE) return byteAt(bytes, at) === LF || byteAt(bytes, at + 1) === LF ? undefined : null
  if (behind !== SPACE && behind !== CR) return undefined
  switch ((byteAt(bytes, at) << 8) | byteAt(bytes, at + 1)) {
    case VA:
      return 'VA'
    case HD:
      return 'HD'
    case EN:
      return 'EN'
    case NF:
      return 'NF'
    case NS:
      return 'NS'
    case EX:
      return 'EX'
    case MN:
      return 'MN'
    default:
      return undefined
  }
}

/**
 * Reads what stands behind the code in a line, the size of a VA and the flags, into `reply`. The offset behind the line,
 * or UNFINISHED: then it is to be read again from its beginning. Throws MetaProtocolError.
 */
export function readMetaLine(bytes: Buffer, at: number, reply: ReplyInMaking): number {
  let next = at
  if (reply.code === 'VA') {
    next = readNumber(bytes, at + 1)
    reply.size = numberRead
  }
  for (;;) {
    const byte = byteAt(bytes, next)
    if (byte === SPACE) next = readFlag(bytes, next + 1, reply)
    else if (byte === CR) return endOfLine(bytes, next + 1)
    else if (byte === NO_BYTE) return UNFINISHED
    else throw new MetaProtocolError('a line that is no list of flags')
  }
}

/** Reads a letter and what belongs to it; the offset behind that. What was not asked for is passed over. */
function readFlag(bytes: Buffer, at: number, reply: ReplyInMaking): number {
  const from = at + 1
  switch (byteAt(bytes, at)) {
    case OPAQUE: {
      const end = readNumber(bytes, from)
      reply.opaque = numberRead
      return end
    }
    case CAS: {
      const end = endOfDigits(bytes, from)
      checkDigits(bytes, from, end, CAS_DIGITS_MAX)
      reply.cas = bytes.toString('latin1', from, end)
      return end
    }
    case CLIENT_FLAGS: {
      const end = readNumber(bytes, from)
      reply.clientFlags = numberRead
      return end
    }
    case TTL: {
      if (byteAt(bytes, from) === MINUS) {
        reply.ttlSec = -1
        return endOfDigits(bytes, from + 1)
      }
      const end = readNumber(bytes, from)
      reply.ttlSec = numberRead
      return end
    }
    case WON:
      reply.won = true
      return from
    case STALE:
      reply.stale = true
      return from
    case LOST:
      reply.lost = true
      return from
    default:
      return endOfFlag(bytes, at)
  }
}

/** Behind what is neither a space nor a control character. */
function endOfFlag(bytes: Buffer, at: number): number {
  let next = at
  let byte = byteAt(bytes, next)
  while (byte > SPACE) byte = byteAt(bytes, ++next)
  return next
}

function endOfDigits(bytes: Buffer, at: number): number {
  let next = at
  let byte = byteAt(bytes, next)
  while (byte >= ZERO && byte <= NINE) byte = byteAt(bytes, ++next)
  return next
}

function endOfLine(bytes: Buffer, at: number): number {
  const byte = byteAt(bytes, at)
  if (byte === LF) return at + 1
  if (byte === NO_BYTE) return UNFINISHED
  throw new MetaProtocolError('a line that ends without CRLF')
}

/** Puts the number that begins there into `numberRead`; the offset behind it. One pass: each reply bears two or three. */
function readNumber(bytes: Buffer, from: number): number {
  let end = from
  let value = 0
  let byte = byteAt(bytes, end)
  while (byte >= ZERO && byte <= NINE) {
    value = value * 10 + (byte - ZERO)
    byte = byteAt(bytes, ++end)
  }
  checkDigits(bytes, from, end, NUMBER_DIGITS_MAX)
  numberRead = value
  return end
}

/** None is a mistake, unless the rest of the line is still to come. */
function checkDigits(bytes: Buffer, from: number, end: number, digitsMax: number): void {
  if ((end === from && end < bytes.length) || end - from > digitsMax) {
    throw new MetaProtocolError('a number that is none')
  }
}

function byteAt(bytes: Buffer, at: number): number {
  return bytes[at] ?? NO_BYTE
}
