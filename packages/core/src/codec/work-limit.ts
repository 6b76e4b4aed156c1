import { type Clock, systemClock } from '../clock.ts'
import { CacheError } from '../errors.ts'

// A pause of the machine alone must not make a value unreadable; and a slow one has ten times what a usual one needs.
const ALLOWED_MS = 50
const ALLOWED_MS_PER_KB = 0.25
// A clock read costs as much as an insertion.
const LOOK_EVERY = 1024

/**
 * Ends the reading of a value that takes far longer than its bytes explain. Engines hash numbers and bigints by public
 * functions without a seed, so that a Set of chosen ones costs the square of its size: 5 s for a megabyte.
 */
export class WorkLimit {
  readonly #clock: Clock
  readonly #untilMs: number
  #spent = 0
  #lookAt = LOOK_EVERY

  constructor(payloadBytes: number, clock: Clock = systemClock) {
    this.#clock = clock
    this.#untilMs = clock.now() + ALLOWED_MS + (payloadBytes / 1024) * ALLOWED_MS_PER_KB
  }

  /** Counts work, in insertions; now and then looks at the clock. Throws `decode_failed` when time is up. */
  spend(work: number): void {
    this.#spent += work
    if (this.#spent < this.#lookAt) return
    this.#lookAt = this.#spent + LOOK_EVERY
    if (this.#clock.now() > this.#untilMs) {
      throw new CacheError('decode_failed', 'it takes longer to read than its bytes explain')
    }
  }
}
