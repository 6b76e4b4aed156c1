import { RespProtocolError } from './resp-protocol-error.ts'

const CR = 0x0d
const LF = 0x0a

/** A bulk string whose end has not come: what is kept of it, and how far it has come. */
export class PartialBulk {
  /** Its type byte. */
  readonly type: number
  /** All of it, or the beginning of one that is too long to be kept. */
  readonly kept: Buffer
  readonly #length: number
  /** Bytes of it, and of its CRLF, that have come. */
  #bytes = 0

  /** Keeps `keptBytes` of `length`; what is beyond is passed over. */
  constructor(type: number, length: number, keptBytes: number) {
    this.type = type
    this.kept = Buffer.allocUnsafe(keptBytes)
    this.#length = length
  }

  /** What is to be kept of it is here. */
  get isKept(): boolean {
    return this.#bytes >= this.kept.length
  }

  /** Nothing of it is passed over. */
  get isAllKept(): boolean {
    return this.kept.length === this.#length
  }

  /** It has ended. */
  get isOver(): boolean {
    return this.#bytes === this.#length + 2
  }

  /** Takes what `chunk` holds of it from `at` on; the offset behind that. */
  take(chunk: Buffer, at: number): number {
    let next = at
    if (!this.isKept) next += this.#count(chunk.copy(this.kept, this.#bytes, at))
    if (this.isKept)
      next += this.#count(Math.max(0, Math.min(this.#length - this.#bytes, chunk.length - next)))
    for (; this.#bytes >= this.#length && !this.isOver && next < chunk.length; next++) {
      if (chunk[next] !== (this.#bytes === this.#length ? CR : LF)) {
        throw new RespProtocolError('a bulk that ends without CRLF')
      }
      this.#bytes++
    }
    return next
  }

  #count(bytes: number): number {
    this.#bytes += bytes
    return bytes
  }
}
