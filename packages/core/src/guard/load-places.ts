import { CacheError, type Clock, type Timer } from '../contracts.ts'

// Where nobody left for so long, those who have places may be waiting for one who has none.
const STUCK_MS = 1000
// A caller that waits holds a promise, a timer and what its request holds: 10,000 are a few dozen MB at the worst.
const WAITING_MAX = 10_000

/**
 * The places for loaders of one cache: at most `max` run at once, so that a lost tier or a cold start is no flood of
 * the database; the others wait in turn, at most 10,000 of them. Loads may wait for each other in ways that nobody sees
 * (through a second cache, another process, a reservation): where none has ended for a second, one more is let in.
 */
export class LoadPlaces {
  readonly #clock: Clock
  readonly #max: number
  #taken = 0
  /** In the order they came: each is called when a place is its own. */
  readonly #waiting = new Set<() => void>()
  #stuck: Timer | undefined

  constructor(clock: Clock, max: number) {
    this.#clock = clock
    this.#max = max
  }

  get taken(): number {
    return this.#taken
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Whether a load would begin at once. */
  get isFree(): boolean {
    return this.#taken < this.#max
  }

  /** Whether so few are left that a load inside of a load must be told apart. */
  get isHalfTaken(): boolean {
    return this.#taken * 2 >= this.#max
  }

  /**
   * Takes a place: undefined where it is free at once, else resolved when it is this one's turn. Rejects `overloaded`
   * where too many wait or after `waitMs`, and with the signal's reason. Whoever took a place leaves it. `onWait` is
   * handed what lets this one in at once, beyond the number: somebody who has a place waits for it.
   */
  take(signal: AbortSignal, waitMs: number, onWait?: (letIn: () => void) => void): Promise<void> | undefined {
    if (this.takeFree()) return undefined
    if (this.#waiting.size >= WAITING_MAX) return Promise.reject(this.#overloaded('and too many more wait'))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const end = (): void => {
      this.#waiting.delete(begin)
      if (this.#waiting.size === 0) this.#calm()
      timer.cancel()
      signal.removeEventListener('abort', aborted)
    }
    const begin = (): void => {
      end()
      resolve()
    }
    const aborted = (): void => {
      end()
      reject(signal.reason)
    }
    const timer = this.#clock.after(
      waitMs,
      () => {
        end()
        reject(this.#overloaded(`and none ended within ${waitMs} ms`))
      },
      'caller',
    )
    signal.addEventListener('abort', aborted, { once: true })
    this.#waiting.add(begin)
    this.#stuck ??= this.#clock.after(STUCK_MS, () => this.#unstick())
    if (signal.aborted) aborted()
    else onWait?.(() => this.#letIn(begin))
    return promise
  }

  /** Takes a place if one is free. */
  takeFree(): boolean {
    if (this.#taken >= this.#max) return false
    this.#taken++
    return true
  }

  /** Gives the place to the next in turn, unless there are more than there should be. */
  leave(): void {
    this.#calm()
    const [next] = this.#waiting
    if (next === undefined || this.#taken > this.#max) this.#taken--
    else next()
    if (this.#waiting.size > 0) this.#stuck = this.#clock.after(STUCK_MS, () => this.#unstick())
  }

  #letIn(begin: () => void): void {
    if (!this.#waiting.has(begin)) return
    this.#taken++
    begin()
  }

  #calm(): void {
    this.#stuck?.cancel()
    this.#stuck = undefined
  }

  #unstick(): void {
    this.#stuck = undefined
    const [next] = this.#waiting
    if (next === undefined) return
    this.#letIn(next)
    if (this.#waiting.size > 0) this.#stuck = this.#clock.after(STUCK_MS, () => this.#unstick())
  }

  #overloaded(why: string): CacheError {
    const message = `${this.#max} loads are running (maxConcurrentLoads), ${why}`
    return new CacheError('overloaded', message, { retryable: true })
  }
}
