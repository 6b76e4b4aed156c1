import type { Clock } from 'holdfast/contracts'
import type { Statistics } from './server-facts.ts'

// The server's whole second has been running for less than one; what it calls now is looked at once a second.
const BEHIND_MS_MAX = 2000

/**
 * The server's wall clock, which it tells in whole seconds: this machine's own, kept within what the server's last answer
 * allows. Machines whose clocks agree to a second agree exactly then, and others to two seconds.
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
