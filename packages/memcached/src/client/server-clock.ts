import type { Clock } from 'holdfast/contracts'
import type { Statistics } from './server-facts.ts'

// The server's whole second has been running for less than one; what it calls now is looked at once a second.
const BEHIND_MS_MAX = 2000

/** One machine may take the earliest moment that an answer allows, and another the latest that the next one does. */
export const CLOCKS_APART_MS_MAX: number = 2 * BEHIND_MS_MAX

/**
 * The server's wall clock, which it tells in whole seconds: this machine's own, kept within what the server's last answer
 * allows. Right clocks are as they are, and agree as well as they do. However wrong they are, each is off by at most two
 * seconds, and how long the answer took: two of them, one behind and one ahead, differ by up to four.
 */
export class ServerClock {
  readonly #clock: Clock
  /** What is to be added to the monotonic clock, at least and at most. */
  #offsetMin = -Infinity
  #offsetMax = Infinity

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Milliseconds since 1970. */
  now(): number {
    const now = this.#clock.now()
    return Math.min(Math.max(this.#clock.wallNow(), now + this.#offsetMin), now + this.#offsetMax)
  }

  /** Takes the server's `stats`, asked for at `sentAt` on the monotonic clock and answered now. */
  sample(stats: Statistics, sentAt: number): void {
    const timeSec = Number(stats.get('time') ?? NaN)
    if (!Number.isFinite(timeSec)) return
    this.#offsetMin = timeSec * 1000 - this.#clock.now()
    this.#offsetMax = timeSec * 1000 + BEHIND_MS_MAX - sentAt
  }
}
