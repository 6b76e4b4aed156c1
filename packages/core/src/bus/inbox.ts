// Handled in one turn of the event loop: a frame of the longest kind, or some 500 short ones; 1 to 5 ms.
const TURN_COST_MAX = 65_536
// What a frame costs beside its bytes.
const FRAME_COST = 96
// Waiting for their turn: above it nothing is gained by going through them one by one.
const WAITING_COST_MAX = 4 * 1024 ** 2

/**
 * Frames in the order in which they came, each handled at once as long as a turn of the event loop has room for it, the
 * others in later turns: a flood keeps nobody else waiting. Beyond the bound all that waits is dropped, and told of.
 */
export class Inbox {
  readonly #handle: (frame: Buffer) => void
  readonly #overflowed: () => void
  /** Copies: the memory of what comes in is used again. */
  #waiting: Buffer[] = []
  #next = 0
  #waitingCost = 0
  #turnCost = 0
  #isTurnDue = false

  constructor(handle: (frame: Buffer) => void, overflowed: () => void) {
    this.#handle = handle
    this.#overflowed = overflowed
  }

  take(bytes: Uint8Array): void {
    const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const hasRoom = this.#waiting.length === 0 && this.#turnCost < TURN_COST_MAX
    this.#turnIsDue()
    if (hasRoom) {
      this.#handleNow(frame)
      return
    }
    this.#waitingCost += costOf(frame)
    if (this.#waitingCost > WAITING_COST_MAX) {
      this.clear()
      this.#overflowed()
    } else this.#waiting.push(Buffer.from(frame))
  }

  /** Forgets what waits. */
  clear(): void {
    this.#waiting = []
    this.#next = 0
    this.#waitingCost = 0
  }

  #handleNow(frame: Buffer): void {
    this.#turnCost += costOf(frame)
    this.#handle(frame)
  }

  #turnIsDue(): void {
    if (this.#isTurnDue) return
    this.#isTurnDue = true
    setImmediate(() => this.#turn())
  }

  #turn(): void {
    this.#isTurnDue = false
    this.#turnCost = 0
    while (this.#turnCost < TURN_COST_MAX) {
      const frame = this.#waiting[this.#next]
      if (frame === undefined) break
      this.#next++
      this.#waitingCost -= costOf(frame)
      this.#handleNow(frame)
    }
    if (this.#next >= this.#waiting.length) this.clear()
    else this.#turnIsDue()
  }
}

function costOf(frame: Buffer): number {
  return frame.length + FRAME_COST
}
