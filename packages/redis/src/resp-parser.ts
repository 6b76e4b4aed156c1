import type { FrameSink, Framing } from '@holdfast/wire'
import { show } from 'holdfast/contracts'
import { bulkValue, lineValue, longInteger, mapValue, ownedValue } from './make-resp-value.ts'
import { PartialBulk } from './partial-bulk.ts'
import { RespProtocolError } from './resp-protocol-error.ts'
import {
  ARRAY,
  ATTRIBUTE,
  BULK,
  BULK_ERROR,
  INTEGER,
  isLineType,
  MAP,
  PUSH,
  SET,
  VERBATIM,
} from './resp-type.ts'
import { RespOverlong, type RespValue } from './resp-value.ts'

export interface RespLimits {
  /** Longest bulk string; a longer one ends the connection. Default 512 MiB, the server's own bound. */
  readonly bulkBytesMax?: number | undefined
  /** Longest bulk string that is kept; a longer one is passed over, and told as RespOverlong. Default: bulkBytesMax. */
  readonly keptBytesMax?: number | undefined
}

const BULK_BYTES_MAX = 512 * 1024 * 1024
// What is kept of the beginning of one that is passed over: the head of an entry is in it.
const HEAD_BYTES = 64
const NESTING_MAX = 16
const ELEMENTS_MAX = 1_048_576
// A simple string, an error or a number; servers send at most a few hundred.
const LINE_BYTES_MAX = 64 * 1024
// Digits that a double holds exactly, whatever they are; and those of the largest 64-bit integer.
const EXACT_DIGITS = 15
const INTEGER_DIGITS_MAX = 19

const CR = 0x0d
const LF = 0x0a
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
/** Read instead of a byte behind the end. */
const NO_BYTE = -1

/** An aggregate that has begun and not ended. */
interface Frame {
  readonly kind: number
  readonly items: RespValue[]
  readonly left: number
}

/**
 * Cuts a RESP3 stream into values, whatever the chunks. Resumes at the byte where a chunk ended: a value is
 * never read twice, and a large bulk goes straight into its own buffer. Flat replies need no objects but
 * their values. Streamed types, which no server sends, are refused.
 */
export class RespParser implements Framing<RespValue> {
  readonly #bulkBytesMax: number
  readonly #keptBytesMax: number
  /** The beginning of a line whose end has not come. */
  #held: Buffer | undefined
  /** A bulk whose end has not come, and the value that is told in place of one that is passed over. */
  #bulk: PartialBulk | undefined
  #overlong: RespOverlong | undefined
  /** The innermost open aggregate: its elements, how many are still to come, and its type. */
  #items: RespValue[] | undefined
  #left = 0
  #kind = ARRAY
  /** The aggregates around it, outermost first. */
  readonly #outer: Frame[] = []
  /** Whether an open aggregate holds views into the present chunk. */
  #holdsViews = false
  /** The number that #readNumber found last. */
  #number = 0
  #digits = 0

  constructor(limits: RespLimits = {}) {
    this.#bulkBytesMax = limits.bulkBytesMax ?? BULK_BYTES_MAX
    this.#keptBytesMax = Math.max(HEAD_BYTES, limits.keptBytesMax ?? this.#bulkBytesMax)
  }

  /** Throws RespProtocolError, after which the parser is of no use. */
  read(chunk: Buffer, sink: FrameSink<RespValue>): void {
    let at = this.#held === undefined ? 0 : this.#finishLine(this.#held, chunk, sink)
    if (this.#bulk !== undefined) at = this.#goOn(this.#bulk, chunk, at, sink)
    while (at < chunk.length) at = this.#readToken(chunk, at, sink)
    if (this.#holdsViews) this.#ownViews()
  }

  /** Reads one token, a value or an aggregate's head; the offset behind it. What is incomplete is kept. */
  #readToken(bytes: Buffer, at: number, sink: FrameSink<RespValue>): number {
    const type = byteAt(bytes, at)
    switch (type) {
      case BULK:
      case VERBATIM:
      case BULK_ERROR: {
        const next = this.#readNumber(bytes, at)
        return next < 0 ? this.#hold(bytes, at) : this.#readBulk(type, bytes, next, sink)
      }
      case INTEGER: {
        const next = this.#readNumber(bytes, at)
        if (next < 0) return this.#hold(bytes, at)
        this.#emit(
          this.#digits > EXACT_DIGITS
            ? longInteger(bytes.toString('latin1', at + 1, next - 2))
            : this.#number,
          sink,
        )
        return next
      }
      case ARRAY:
      case MAP:
      case SET:
      case PUSH:
      case ATTRIBUTE: {
        const next = this.#readNumber(bytes, at)
        if (next < 0) return this.#hold(bytes, at)
        this.#begin(type, this.#number, sink)
        return next
      }
      default:
        return this.#readLine(type, bytes, at, sink)
    }
  }

  /** Reads `<type><number>CRLF` at `at`; the offset behind it, or -1 where its end has not come. */
  #readNumber(bytes: Buffer, at: number): number {
    let next = at + 1
    let byte = byteAt(bytes, next)
    const isNegative = byte === MINUS
    if (isNegative) byte = byteAt(bytes, ++next)
    const first = next
    let value = 0
    while (byte >= ZERO && byte <= NINE) {
      value = value * 10 + (byte - ZERO)
      byte = byteAt(bytes, ++next)
    }
    this.#digits = next - first
    if (this.#digits > INTEGER_DIGITS_MAX) throw new RespProtocolError('a number of more than 64 bits')
    if (byte === NO_BYTE) return -1
    if (byte !== CR || this.#digits === 0) throw new RespProtocolError('a number that is none')
    const last = byteAt(bytes, next + 1)
    if (last === NO_BYTE) return -1
    if (last !== LF) throw new RespProtocolError('a line that ends without CRLF')
    this.#number = isNegative ? 0 - value : value
    return next + 2
  }

  #readBulk(type: number, bytes: Buffer, at: number, sink: FrameSink<RespValue>): number {
    const length = this.#number
    if (length === -1 && type === BULK) {
      this.#emit(null, sink)
      return at
    }
    if (length < 0) throw new RespProtocolError('a bulk of negative length')
    if (length > this.#bulkBytesMax) {
      throw new RespProtocolError(`a bulk of ${length} bytes, above the bound of ${this.#bulkBytesMax}`)
    }
    if (length > this.#keptBytesMax && type === BULK) {
      this.#bulk = new PartialBulk(type, length, HEAD_BYTES)
      this.#overlong = new RespOverlong(length, this.#bulk.kept)
      return this.#goOn(this.#bulk, bytes, at, sink)
    }
    const end = at + length
    if (end + 2 > bytes.length) {
      this.#bulk = new PartialBulk(type, length, length)
      return this.#goOn(this.#bulk, bytes, at, sink)
    }
    if (bytes[end] !== CR || bytes[end + 1] !== LF)
      throw new RespProtocolError('a bulk that ends without CRLF')
    const isLent = sink.borrows === true && !this.#isInPush
    if (isLent && this.#items !== undefined) this.#holdsViews = true
    this.#emit(bulkValue(type, isLent ? bytes.subarray(at, end) : copyOf(bytes, at, end)), sink)
    return end + 2
  }

  /** A push may come between a command and its reply: what is lent to the one is not lent to the other. */
  get #isInPush(): boolean {
    return this.#items !== undefined && (this.#outer[0]?.kind ?? this.#kind) === PUSH
  }

  /** The chunk ends inside of an aggregate: its memory is used again before the rest comes. */
  #ownViews(): void {
    this.#holdsViews = false
    for (const items of [this.#items, ...this.#outer.map((frame) => frame.items)]) {
      items?.forEach((item, i) => {
        items[i] = ownedValue(item)
      })
    }
  }

  /** Goes on with a bulk that is longer than its first chunk. One that is passed over is told once its head is there. */
  #goOn(bulk: PartialBulk, bytes: Buffer, at: number, sink: FrameSink<RespValue>): number {
    const next = bulk.take(bytes, at)
    if (bulk.isOver) this.#bulk = undefined
    const overlong = this.#overlong
    if (overlong !== undefined && bulk.isKept) {
      this.#overlong = undefined
      this.#emit(overlong, sink)
    }
    if (bulk.isOver && bulk.isAllKept) this.#emit(bulkValue(bulk.type, bulk.kept), sink)
    return next
  }

  #readLine(type: number, bytes: Buffer, at: number, sink: FrameSink<RespValue>): number {
    if (!isLineType(type)) {
      const first = show(String.fromCharCode(type))
      throw new RespProtocolError(
        `the answer begins with ${first}, which is not the Redis protocol: is this a Redis?`,
      )
    }
    const end = bytes.indexOf(LF, at + 1)
    if (end < 0) return this.#hold(bytes, at)
    if (end - at > LINE_BYTES_MAX) throw new RespProtocolError('a line that is too long')
    if (bytes[end - 1] !== CR || end - 1 === at) throw new RespProtocolError('a line that ends without CRLF')
    this.#emit(lineValue(type, bytes.toString('utf8', at + 1, end - 1)), sink)
    return end + 1
  }

  /** Keeps a line that has not ended. */
  #hold(bytes: Buffer, at: number): number {
    if (bytes.length - at > LINE_BYTES_MAX) throw new RespProtocolError('a line that is too long')
    this.#held = Buffer.from(bytes.subarray(at))
    return bytes.length
  }

  /** Completes the line held from earlier chunks; the offset in `chunk` behind it. */
  #finishLine(held: Buffer, chunk: Buffer, sink: FrameSink<RespValue>): number {
    const end = chunk.indexOf(LF) + 1
    const line = Buffer.concat([held, end === 0 ? chunk : chunk.subarray(0, end)])
    this.#held = undefined
    this.#readToken(line, 0, sink)
    return end === 0 ? chunk.length : end
  }

  #begin(kind: number, count: number, sink: FrameSink<RespValue>): void {
    if (count === -1 && kind === ARRAY) {
      this.#emit(null, sink)
      return
    }
    if (count < 0) throw new RespProtocolError('an aggregate of negative length')
    if (count > ELEMENTS_MAX) {
      throw new RespProtocolError(`an aggregate of ${count} elements, above the bound of ${ELEMENTS_MAX}`)
    }
    if (kind === PUSH && this.#items !== undefined) throw new RespProtocolError('a push inside of a reply')
    if (count === 0) {
      this.#finish(kind, [], sink)
      return
    }
    if (this.#items !== undefined) {
      if (this.#outer.length + 2 > NESTING_MAX)
        throw new RespProtocolError(`nesting deeper than ${NESTING_MAX}`)
      this.#outer.push({ kind: this.#kind, items: this.#items, left: this.#left })
    }
    // Grown as elements come, not sized by what the peer claims.
    this.#items = []
    this.#kind = kind
    this.#left = kind === MAP || kind === ATTRIBUTE ? count * 2 : count
  }

  /** Gives a value to the aggregate around it, or to the sink. */
  #emit(value: RespValue, sink: FrameSink<RespValue>): void {
    const items = this.#items
    if (items === undefined) {
      sink.reply(value)
      return
    }
    items.push(value)
    if (--this.#left > 0) return
    const kind = this.#kind
    const outer = this.#outer.pop()
    this.#items = outer?.items
    if (outer !== undefined) {
      this.#kind = outer.kind
      this.#left = outer.left
    }
    this.#finish(kind, items, sink)
  }

  /** Recurses through #emit once for each level that ends here: at most NESTING_MAX. */
  #finish(kind: number, items: RespValue[], sink: FrameSink<RespValue>): void {
    // An attribute describes the value after it, and nothing here asks for that.
    if (kind === ATTRIBUTE) return
    if (kind === PUSH) sink.push(items)
    else this.#emit(kind === MAP ? mapValue(items) : items, sink)
  }
}

/** Cheaper than a view that is copied: one object instead of two. */
function copyOf(bytes: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.allocUnsafe(to - from)
  bytes.copy(copy, 0, from, to)
  return copy
}

function byteAt(bytes: Buffer, at: number): number {
  return bytes[at] ?? NO_BYTE
}
