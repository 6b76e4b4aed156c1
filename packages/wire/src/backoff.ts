import type { WireClock } from './clock.ts'
import type { ConnectionLimits } from './limits.ts'

// A chain of nodes that name each other is followed this far; beyond it, they are in the middle of a change.
const HOPS_MAX = 3

/** Waits between attempts to connect: exponential with full jitter, so that a fleet does not return as one. */
export class Backoff {
  readonly #clock: WireClock
  readonly #limits: ConnectionLimits
  #ceilingMs: number
  #hops = 0

  constructor(clock: WireClock, limits: ConnectionLimits) {
    this.#clock = clock
    this.#limits = limits
    this.#ceilingMs = limits.backoffMinMs
  }

  /** The wait before the next attempt. */
  next(): number {
    this.#hops = 0
    const ms = this.#clock.random() * this.#ceilingMs
    this.#ceilingMs = Math.min(this.#limits.backoffMaxMs, this.#ceilingMs * 2)
    return ms
  }

  /** The wait after a refusal that time alone will hardly mend: the upper half of the longest. */
  slow(): number {
    this.#ceilingMs = this.#limits.backoffMaxMs
    return (this.#limits.backoffMaxMs * (1 + this.#clock.random())) / 2
  }

  /** The wait before a node is tried that another one has just named: the shortest, for a few in a row. */
  hop(): number {
    if (this.#hops >= HOPS_MAX) return this.next()
    this.#hops++
    return this.#clock.random() * this.#limits.backoffMinMs
  }

  /** A connection was lost that had been ready for `readyMs`: one that lasted starts the series again. */
  forgive(readyMs: number): void {
    if (readyMs >= this.#limits.backoffMaxMs) this.#ceilingMs = this.#limits.backoffMinMs
  }
}
