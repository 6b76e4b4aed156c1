import type { FrameSink, Framing } from '@holdfast/wire'
import { show } from 'holdfast/contracts'
import { RespError, RespOverlong, type RespValue } from './resp-value.ts'

/** Bytes that are no RESP3, or are beyond a bound: the connection that sent them cannot be used any more. */
export class RespProtocolError extends Error {
  override readonly name = 'RespProtocolError'
}

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
const COLON = 0x3a
/** Read instead of a byte behind the end. */
const NO_BYTE = -1

const SIMPLE = 0x2b // +
const ERROR = 0x2d // -
const INTEGER = 0x3a // :
const BULK = 0x24 // $
const ARRAY = 0x2a // *
const NULL = 0x5f // _
const BOOLEAN = 0x23 // #
const DOUBLE = 0x2c // ,
const BIG_NUMBER = 0x28 // (
const BULK_ERROR = 0x21 // !
const VERBATIM = 0x3d // =
const MAP = 0x25 // %
const SET = 0x7e // ~
const PUSH = 0x3e // >
const ATTRIBUTE = 0x7c // |

const DOUBLE_TEXT = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/
const NAMED_DOUBLES: Readonly<Record<string, number>> = {
  inf: Infinity,
  '+inf': Infinity,
  '-inf': -Infinity,
  nan: NaN,
  '-nan': NaN,
}

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
  /** A bulk whose end has not come, the bytes of it (and of its CRLF) that have, and its type. */
  #bulk: Buffer | undefined
  #bulkBytes = 0
  #bulkType = BULK
  /** A bulk that is passed over, and the bytes of it (and of its CRLF) that have come. */
  #overlong: RespOverlong | undefined
  #overlongBytes = 0
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
    if (this.#bulk !== undefined) at = this.#gather(this.#bulk, chunk, at, sink)
    else if (this.#overlong !== undefined) at = this.#passOver(this.#overlong, chunk, at, sink)
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
        this.#emit(this.#digits > EXACT_DIGITS ? longInteger(bytes, at, next) : this.#number, sink)
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
      this.#overlong = new RespOverlong(length, Buffer.alloc(HEAD_BYTES))
      this.#overlongBytes = 0
      return this.#passOver(this.#overlong, bytes, at, sink)
    }
    const end = at + length
    if (end + 2 > bytes.length) {
      const bulk = Buffer.allocUnsafe(length)
      this.#bulk = bulk
      this.#bulkBytes = 0
      this.#bulkType = type
      return this.#gather(bulk, bytes, at, sink)
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
        items[i] = owned(item)
      })
    }
  }

  /** Adds what has come of a bulk that is longer than its first chunk. */
  #gather(bulk: Buffer, bytes: Buffer, at: number, sink: FrameSink<RespValue>): number {
    let next = at
    if (this.#bulkBytes < bulk.length) {
      const copied = bytes.copy(bulk, this.#bulkBytes, at)
      this.#bulkBytes += copied
      next += copied
    }
    for (; this.#bulkBytes >= bulk.length && next < bytes.length; next++) {
      if (bytes[next] !== (this.#bulkBytes === bulk.length ? CR : LF)) {
        throw new RespProtocolError('a bulk that ends without CRLF')
      }
      if (this.#bulkBytes++ === bulk.length) continue
      this.#bulk = undefined
      this.#emit(bulkValue(this.#bulkType, bulk), sink)
      return next + 1
    }
    return next
  }

  /** Takes the head of a bulk that is too long, tells of it as soon as that is there, and drops the rest of it. */
  #passOver(bulk: RespOverlong, bytes: Buffer, at: number, sink: FrameSink<RespValue>): number {
    const { head, length } = bulk
    let next = at
    if (this.#overlongBytes < head.length) {
      const copied = bytes.copy(head, this.#overlongBytes, at)
      this.#overlongBytes += copied
      next += copied
      if (this.#overlongBytes < head.length) return next
      this.#emit(bulk, sink)
    }
    const dropped = Math.min(length - this.#overlongBytes, bytes.length - next)
    if (dropped > 0) {
      this.#overlongBytes += dropped
      next += dropped
    }
    for (; this.#overlongBytes >= length && next < bytes.length; next++) {
      if (bytes[next] !== (this.#overlongBytes === length ? CR : LF)) {
        throw new RespProtocolError('a bulk that ends without CRLF')
      }
      if (this.#overlongBytes++ === length) continue
      this.#overlong = undefined
      return next + 1
    }
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

/** A value whose bytes are its own. Recurses at most NESTING_MAX deep. */
function owned(value: RespValue): RespValue {
  if (Buffer.isBuffer(value)) return Buffer.from(value)
  if (Array.isArray(value)) return value.map(owned)
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, owned(item)]))
  return value
}

function byteAt(bytes: Buffer, at: number): number {
  return bytes[at] ?? NO_BYTE
}

function isLineType(type: number): boolean {
  return (
    type === SIMPLE ||
    type === ERROR ||
    type === NULL ||
    type === BOOLEAN ||
    type === DOUBLE ||
    type === BIG_NUMBER
  )
}

function lineValue(type: number, text: string): RespValue {
  if (type === SIMPLE) return text
  if (type === ERROR) return new RespError(text)
  if (type === NULL && text === '') return null
  if (type === BOOLEAN && (text === 't' || text === 'f')) return text === 't'
  if (type === DOUBLE && DOUBLE_TEXT.test(text)) return Number(text)
  if (type === DOUBLE && Object.hasOwn(NAMED_DOUBLES, text)) return NAMED_DOUBLES[text] ?? NaN
  if (type === BIG_NUMBER && /^[+-]?\d+$/.test(text)) return BigInt(text.replace('+', ''))
  throw new RespProtocolError(`a malformed value of type ${String.fromCharCode(type)}`)
}

function bulkValue(type: number, bulk: Buffer): RespValue {
  if (type === BULK) return bulk
  if (type === BULK_ERROR) return new RespError(bulk.toString())
  // Three characters of format and a colon come first, as in `txt:`.
  if (bulk[3] !== COLON) throw new RespProtocolError('a verbatim string without its format')
  return bulk.toString('utf8', 4)
}

function longInteger(bytes: Buffer, at: number, next: number): number | bigint {
  const value = BigInt(bytes.toString('latin1', at + 1, next - 2))
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
}

function mapValue(items: readonly RespValue[]): Map<RespValue, RespValue> {
  const map = new Map<RespValue, RespValue>()
  for (let i = 0; i + 1 < items.length; i += 2) {
    const key = items[i] ?? null
    map.set(Buffer.isBuffer(key) ? key.toString('latin1') : key, items[i + 1] ?? null)
  }
  return map
}
