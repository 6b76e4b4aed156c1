import { CacheError, show } from '../errors.ts'

/** The raw bytes that the nodes of a table speak of, handed out in the order of the nodes. */
export interface ByteSource {
  /** The next so many bytes, as a view. Throws `decode_failed` where there are not exactly these. */
  next(byteLength: unknown): Uint8Array
  /** Whether all have been handed out. */
  readonly isSpent: boolean
}

/** Bytes as a writer lists them: one piece a node. */
export class ListedBytes implements ByteSource {
  readonly #pieces: readonly Uint8Array[]
  #used = 0

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces
  }

  get isSpent(): boolean {
    return this.#used === this.#pieces.length
  }

  next(byteLength: unknown): Uint8Array {
    const piece = this.#pieces[this.#used++]
    if (piece === undefined || piece.length !== byteLength) throw missing(byteLength)
    return piece
  }
}

/** Bytes as they are stored: one piece after the other. */
export class PackedBytes implements ByteSource {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isSpent(): boolean {
    return this.#at === this.#bytes.length
  }

  next(byteLength: unknown): Uint8Array {
    const rest = this.#bytes.length - this.#at
    if (typeof byteLength !== 'number' || !(byteLength >= 0 && byteLength <= rest)) throw missing(byteLength)
    const start = this.#at
    this.#at += byteLength
    return this.#bytes.subarray(start, this.#at)
  }
}

function missing(byteLength: unknown): CacheError {
  return new CacheError('decode_failed', `${show(byteLength)} bytes that are not there`)
}
