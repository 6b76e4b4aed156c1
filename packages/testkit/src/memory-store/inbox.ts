import type { Clock, Timer } from 'holdfast/contracts'
import type { Message } from './model.ts'

interface Waiting {
  readonly dueMs: number
  readonly deliver: Message
}

// As a server's output buffer limit: a client that takes nothing for so long is cut.
const WAITING_MAX = 100_000

/**
 * The client's end of the wire: replies and pushes in the order in which the server produced them. All that is
 * due is delivered synchronously in one turn, as from one chunk of bytes: a push behind a reply is handled
 * before the code that awaits the reply goes on.
 */
export class Inbox {
  latencyMs = 0
  readonly #clock: Clock
  readonly #schedule: (turn: () => void) => void
  readonly #overflow: () => void
  #waiting: Waiting[] = []
  #held = false
  #turnIsSet = false
  #lastDueMs = 0
  #timer: Timer | undefined

  constructor(clock: Clock, schedule: (turn: () => void) => void, overflow: () => void) {
    this.#clock = clock
    this.#schedule = schedule
    this.#overflow = overflow
  }

  get waiting(): number {
    return this.#waiting.length
  }

  push(deliver: Message): void {
    if (this.#waiting.length >= WAITING_MAX) {
      this.#overflow()
      return
    }
    // Never before the message ahead, also when latencyMs was lowered meanwhile.
    this.#lastDueMs = Math.max(this.#lastDueMs, this.latencyMs === 0 ? 0 : this.#clock.now() + this.latencyMs)
    this.#waiting.push({ dueMs: this.#lastDueMs, deliver })
    this.#arm()
  }

  hold(): void {
    this.#held = true
  }

  release(messagesMax?: number): void {
    if (messagesMax === undefined) this.#held = false
    for (let left = messagesMax ?? WAITING_MAX; left > 0; left--) {
      const next = this.#waiting.shift()
      if (next === undefined) break
      next.deliver()
    }
  }

  clear(): void {
    this.#waiting = []
    this.#timer?.cancel()
    this.#timer = undefined
    this.#lastDueMs = 0
  }

  #arm(): void {
    const first = this.#waiting[0]
    if (first === undefined || this.#held || this.#turnIsSet || this.#timer !== undefined) return
    const waitMs = first.dueMs - this.#clock.now()
    if (waitMs > 0) {
      this.#timer = this.#clock.after(waitMs, () => {
        this.#timer = undefined
        this.#drain()
      })
    } else {
      this.#turnIsSet = true
      this.#schedule(() => {
        this.#turnIsSet = false
        this.#drain()
      })
    }
  }

  #drain(): void {
    while (!this.#held) {
      const next = this.#waiting[0]
      if (next === undefined || next.dueMs > this.#clock.now()) break
      this.#waiting.shift()
      next.deliver()
    }
    this.#arm()
  }
}
