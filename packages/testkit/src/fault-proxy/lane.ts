import type { Socket } from 'node:net'
import { systemClock, type Timer } from 'holdfast/contracts'
import { cutOff } from './cut-off.ts'
import type { Network } from './network.ts'
import type { Pace } from './pace.ts'

export interface LaneOptions {
  readonly from: Socket
  readonly to: Socket
  readonly carries: 'requests' | 'replies'
  readonly network: Network
  /** Cuts the whole connection. */
  readonly reset: () => void
}

interface Chunk {
  readonly bytes: Buffer
  /** Nothing behind it goes before it does. */
  readonly dueMs: number
}

/** Bytes that a lane holds before it stops reading from its source; the kernels' buffers come on top. */
const HELD_BYTES_MAX = 1024 * 1024

/** One direction of one connection: what comes from a socket reaches the other one in order, late, or never. */
export class Lane {
  readonly #from: Socket
  readonly #to: Socket
  readonly #network: Network
  readonly #pace: Pace
  readonly #isReply: boolean
  readonly #reset: () => void
  #chunks: Chunk[] = []
  #heldBytes = 0
  #bytesUntilReset = Infinity
  #isWriting = false
  #isStranded = false
  /** The next piece has its place on a link of limited speed. */
  #reserved: { readonly bytes: number; readonly atMs: number } | undefined
  #ending: 'end' | 'reset' | undefined
  #timer: Timer | undefined

  constructor({ from, to, carries, network, reset }: LaneOptions) {
    this.#from = from
    this.#to = to
    this.#network = network
    this.#pace = network.paces[carries]
    this.#isReply = carries === 'replies'
    this.#reset = reset
    from.on('data', (bytes: Buffer) => this.#take(bytes))
    from.once('end', () => this.#end('end'))
    from.once('close', (hadError: boolean) => this.#end(hadError ? 'reset' : 'end'))
    to.once('close', () => this.drop())
  }

  /** Whether what it holds includes this text. */
  holds(text: string): boolean {
    return Buffer.concat(this.#chunks.map(({ bytes }) => bytes)).includes(text)
  }

  /** The connection is reset once this many more bytes have passed. */
  resetAfter(bytes: number): void {
    this.#bytesUntilReset = bytes
  }

  /** Nothing passes any more. */
  strand(): void {
    this.#isStranded = true
  }

  /** The faults have changed: what is due now goes now. */
  wake(): void {
    this.#reserved = undefined
    this.#pump()
  }

  /** Forgets what it holds. */
  drop(): void {
    this.#timer?.cancel()
    this.#chunks = []
    this.#heldBytes = 0
  }

  #take(bytes: Buffer): void {
    if (this.#to.destroyed) return
    const { delayMs, jitterMs } = this.#network.faults
    const lateMs = this.#isReply ? delayMs + jitterMs * this.#network.random() : 0
    this.#chunks.push({ bytes, dueMs: systemClock.now() + lateMs })
    this.#heldBytes += bytes.length
    if (this.#heldBytes > HELD_BYTES_MAX) this.#from.pause()
    this.#pump()
  }

  #end(how: 'end' | 'reset'): void {
    this.#ending ??= how
    this.#pump()
  }

  #pump(): void {
    this.#timer?.cancel()
    if (this.#isWriting || this.#isHeld()) return
    const [head] = this.#chunks
    if (head === undefined) this.#finish()
    else if (this.#bytesUntilReset === 0) this.#reset()
    else this.#send(head)
  }

  #isHeld(): boolean {
    const { blackhole, holdReplies } = this.#network.faults
    return this.#isStranded || blackhole || (holdReplies && this.#isReply)
  }

  #send(head: Chunk): void {
    const now = systemClock.now()
    const bytes = this.#nextBytes(now)
    const atMs = bytes === 0 ? head.dueMs : this.#passedAtMs(bytes)
    if (atMs > now) this.#timer = systemClock.after(atMs - now, () => this.#pump())
    else this.#write(this.#cutOff(bytes))
  }

  /** How much of what is due goes in one piece. */
  #nextBytes(now: number): number {
    const { sliceBytes, bytesPerSecond } = this.#network.faults
    let due = 0
    for (const { bytes, dueMs } of this.#chunks) {
      if (dueMs > now) break
      due += bytes.length
    }
    const slice = this.#isReply ? sliceBytes : Infinity
    const piece = bytesPerSecond === Infinity ? Infinity : this.#pace.pieceBytesMax(bytesPerSecond)
    return Math.min(due, slice, piece, this.#bytesUntilReset)
  }

  /** When the link of limited speed has passed the next piece. */
  #passedAtMs(bytes: number): number {
    const { bytesPerSecond } = this.#network.faults
    if (bytesPerSecond === Infinity) return -Infinity
    this.#reserved ??= { bytes, atMs: this.#pace.reserve(bytes, bytesPerSecond) }
    return this.#reserved.atMs
  }

  /** Takes what was reserved, or this many bytes, from the front. */
  #cutOff(bytesMax: number): Buffer {
    let missing = this.#reserved?.bytes ?? bytesMax
    this.#reserved = undefined
    const pieces: Buffer[] = []
    while (missing > 0) {
      const head = this.#chunks.shift()
      if (head === undefined) break
      pieces.push(head.bytes.subarray(0, missing))
      if (head.bytes.length > missing) this.#chunks.unshift({ ...head, bytes: head.bytes.subarray(missing) })
      missing -= Math.min(missing, head.bytes.length)
    }
    return Buffer.concat(pieces)
  }

  #write(bytes: Buffer): void {
    this.#isWriting = true
    this.#bytesUntilReset -= bytes.length
    // Called when the kernel has the bytes: one piece is under way at a time.
    this.#to.write(bytes, () => {
      this.#heldBytes = Math.max(0, this.#heldBytes - bytes.length)
      if (this.#heldBytes <= HELD_BYTES_MAX / 2) this.#from.resume()
      if (this.#bytesUntilReset === 0) this.#reset()
      else if (this.#network.faults.sliceBytes === Infinity) this.#written()
      // Between two immediates sockets are read: a reader in this process gets each piece by itself.
      else setImmediate(() => setImmediate(() => this.#written()))
    })
  }

  #written(): void {
    this.#isWriting = false
    this.#pump()
  }

  #finish(): void {
    if (this.#ending === 'reset') cutOff(this.#to)
    else if (this.#ending === 'end') this.#to.end()
  }
}
