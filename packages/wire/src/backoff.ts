import type { WireClock } from './clock.ts'
import type { ConnectionLimits } from './limits.ts'

/** Waits between attempts to connect: exponential with full jitter, so that a fleet does not return as one. */
export class Backoff {
  readonly #clock: WireClock
  readonly #limits: ConnectionLimits
  #ceilingMs: number

  constructor(clock: WireClock, limits: ConnectionLimits) {
    this.#clock = clock
    this.#limits = limits
    this.#ceilingMs = limits.backoffMinMs
  }

  /** The wait before the next attempt. */
  next(): number {
    const ms = this.#clock.random() * this.#ceilingMs
    this.#ceilingMs = Math.min(this.#limits.backoffMaxMs, this.#ceilingMs * 2)
    return ms
  }

  /** The wait after a refusal that time alone will hardly mend: the upper half of the longest. */
  slow(): number {
    this.#ceilingMs = this.#limits.backoffMaxMs
    return (this.#limits.backoffMaxMs * (1 + this.#clock.random())) / 2
  }

  /** A connection was lost that had been ready for `readyMs`: one that lasted starts the series again. */
  forgive(readyMs: number): void {
    if (readyMs >= this.#limits.backoffMaxMs) this.#ceilingMs = this.#limits.backoffMinMs
  }
}
