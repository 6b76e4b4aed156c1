import { afterTurn, type WireClock, type WireTimer } from './clock.ts'

// Two deadlines nearer than this share one firing.
const GRAIN_MS = 4

/**
 * One coarse timer for all deadlines of a connection. It fires up to 5 ms late, then waits one turn of the event
 * loop before it has deadlines checked: if this process was blocked, an answer may lie unread in the socket.
 */
export class DeadlineTimer {
  readonly #clock: WireClock
  readonly #check: (lateMs: number) => number
  #timer: WireTimer | undefined
  /** -Infinity while a check is due, so that no earlier one is asked for. */
  #due = Infinity

  /** `check` is told how late the timer fired, and returns the next deadline, or Infinity. */
  constructor(clock: WireClock, check: (lateMs: number) => number) {
    this.#clock = clock
    this.#check = check
  }

  /** Whether a check at `by` needs this timer to be set anew. */
  isAfter(by: number): boolean {
    return by < this.#due - GRAIN_MS
  }

  /** Has deadlines checked soon after `by`. */
  need(by: number): void {
    if (!this.isAfter(by)) return
    this.#timer?.cancel()
    const now = this.#clock.now()
    const ms = Math.max(GRAIN_MS, Math.ceil(by - now))
    this.#due = now + ms
    this.#timer = this.#clock.after(ms, () => this.#fire())
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#due = -Infinity
  }

  #fire(): void {
    const lateMs = this.#clock.now() - this.#due
    const timer = this.#timer
    this.#due = -Infinity
    afterTurn(this.#clock, () => {
      if (this.#timer !== timer) return
      const next = this.#check(lateMs)
      if (this.#timer !== timer) return
      this.#due = Infinity
      if (next !== Infinity) this.need(next)
    })
  }
}
