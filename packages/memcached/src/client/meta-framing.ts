import type { Credentials, FrameSink, Framing } from '@holdfast/wire'
import { metaCodeAt, readMetaLine, UNFINISHED } from './meta-line.ts'
import { MetaProtocolError } from './meta-protocol-error.ts'
import { classicReply, type MetaCode, type MetaReply, ReplyInMaking } from './meta-reply.ts'

// The most that a server can be told to take (-I).
const VALUE_BYTES_MAX = 1024 * 1024 * 1024
// A reply to a meta command is a key and some numbers; a line of statistics is not much longer.
const LINE_BYTES_MAX = 8192

const CR = 0x0d
const LF = 0x0a

export interface MetaFramingOptions {
  /** A longer value is passed over: its reply has no `value`. Default and most: 1 GiB. */
  readonly keptBytesMax?: number | undefined
  /** Cut out of what is no reply, where an error tells of it. */
  readonly credentials?: Credentials | undefined
}

/**
 * Cuts what a server sends into replies, whatever the chunks. Resumes where a chunk ended: a value is never read twice,
 * and one that comes in several chunks goes straight into its own buffer.
 */
export class MetaFraming implements Framing<MetaReply> {
  /**
   * Whether ERROR and CLIENT_ERROR are replies like others. Where they are not, one ends the connection when it has been
   * told: the server may have taken one command for two, and nobody can say what its next answers are to.
   */
  takesErrors = true
  readonly #keptBytesMax: number
  readonly #credentials: Credentials | undefined
  /** Used for each reply that is lent. */
  readonly #lent = new ReplyInMaking()
  /** The beginning of a line whose end has not come. */
  #held: Buffer | undefined
  /** The reply whose value has not come, or not all of it. */
  #awaiting: ReplyInMaking | undefined
  /** Its value, where it comes in parts and is kept; and the bytes of it, and of its CRLF, that have come. */
  #value: Buffer | undefined
  #valueBytes = 0

  constructor(options: MetaFramingOptions = {}) {
    this.#keptBytesMax = Math.min(VALUE_BYTES_MAX, options.keptBytesMax ?? VALUE_BYTES_MAX)
    this.#credentials = options.credentials
  }

  /** Throws MetaProtocolError, after which the framing is of no use. */
  read(chunk: Buffer, sink: FrameSink<MetaReply>): void {
    let at = this.#held === undefined ? 0 : this.#finishLine(this.#held, chunk, sink)
    while (at < chunk.length) {
      at =
        this.#awaiting === undefined
          ? this.#readLine(chunk, at, sink)
          : this.#gather(this.#awaiting, chunk, at, sink)
    }
  }

  /** Reads one line, and the value behind it where all of that is there; the offset behind. */
  #readLine(bytes: Buffer, at: number, sink: FrameSink<MetaReply>): number {
    const code = metaCodeAt(bytes, at)
    if (code === null) return this.#hold(bytes, at)
    if (code === undefined) return this.#readClassic(bytes, at, sink)
    const reply = this.#begin(code, sink)
    const next = readMetaLine(bytes, at + 2, reply)
    if (next === UNFINISHED) return this.#hold(bytes, at)
    if (code === 'VA') return this.#readValue(reply, bytes, next, sink)
    sink.reply(reply)
    return next
  }

  #begin(code: MetaCode, sink: FrameSink<MetaReply>): ReplyInMaking {
    if (sink.borrows !== true) return new ReplyInMaking(code)
    this.#lent.begin(code)
    return this.#lent
  }

  #readValue(reply: ReplyInMaking, bytes: Buffer, at: number, sink: FrameSink<MetaReply>): number {
    const end = at + reply.size
    if (end + 2 > bytes.length || reply.size > this.#keptBytesMax) {
      this.#awaiting = reply
      this.#value = reply.size > this.#keptBytesMax ? undefined : Buffer.allocUnsafe(reply.size)
      this.#valueBytes = 0
      return at
    }
    if (bytes[end] !== CR || bytes[end + 1] !== LF)
      throw new MetaProtocolError('a value that ends without CRLF')
    if (reply === this.#lent) reply.lend(bytes, at)
    else reply.keep(copyOf(bytes, at, end))
    sink.reply(reply)
    return end + 2
  }

  /** Takes what has come of a value that ends in a later chunk, or is passed over. */
  #gather(reply: ReplyInMaking, bytes: Buffer, at: number, sink: FrameSink<MetaReply>): number {
    const { size } = reply
    const value = this.#value
    const taken = Math.min(Math.max(0, size - this.#valueBytes), bytes.length - at)
    if (taken > 0) value?.set(bytes.subarray(at, at + taken), this.#valueBytes)
    this.#valueBytes += taken
    let next = at + taken
    for (; this.#valueBytes >= size && next < bytes.length; next++) {
      if (bytes[next] !== (this.#valueBytes === size ? CR : LF)) {
        throw new MetaProtocolError('a value that ends without CRLF')
      }
      if (this.#valueBytes++ === size) continue
      this.#awaiting = undefined
      this.#value = undefined
      reply.keep(value)
      sink.reply(reply)
      return next + 1
    }
    return next
  }

  #readClassic(bytes: Buffer, at: number, sink: FrameSink<MetaReply>): number {
    const end = bytes.indexOf(LF, at)
    if (end < 0) return this.#hold(bytes, at)
    if (end - at > LINE_BYTES_MAX) throw new MetaProtocolError('a line that is too long')
    if (bytes[end - 1] !== CR || end === at) throw new MetaProtocolError('a line that ends without CRLF')
    const reply = classicReply(bytes.toString('utf8', at, end - 1), this.#credentials)
    sink.reply(reply)
    if (!this.takesErrors && (reply.code === 'ERROR' || reply.code === 'CLIENT_ERROR')) {
      throw new MetaProtocolError(`after ${reply.code} nobody knows what the next answers are to`)
    }
    return end + 1
  }

  /** Keeps a line that has not ended. */
  #hold(bytes: Buffer, at: number): number {
    if (bytes.length - at > LINE_BYTES_MAX) throw new MetaProtocolError('a line that is too long')
    this.#held = Buffer.from(bytes.subarray(at))
    return bytes.length
  }

  /** Completes the line that is held from earlier chunks; the offset in `chunk` behind it. */
  #finishLine(held: Buffer, chunk: Buffer, sink: FrameSink<MetaReply>): number {
    const end = chunk.indexOf(LF) + 1
    const line = Buffer.concat([held, end === 0 ? chunk : chunk.subarray(0, end)])
    this.#held = undefined
    this.#readLine(line, 0, sink)
    return end === 0 ? chunk.length : end
  }
}

/** Cheaper than a view that is copied: one object instead of two. */
function copyOf(bytes: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.allocUnsafe(to - from)
  bytes.copy(copy, 0, from, to)
  return copy
}
