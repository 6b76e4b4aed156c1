import { CacheError, type Clock } from '../contracts.ts'

// A caller that waits holds a promise, a timer and what its request holds: 10,000 are a few dozen MB at the worst.
const WAITING_MAX = 10_000

/**
 * The places for loaders of one cache: at most `max` run at once, so that a lost tier or a cold start is no flood of
 * the database; the others wait in turn, at most 10,000 of them.
 */
export class LoadPlaces {
  readonly #clock: Clock
  readonly #max: number
  #taken = 0
  /** In the order they came: each is called when a place is its own. */
  readonly #waiting = new Set<() => void>()

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
   * where too many wait or after `waitMs`, and with the signal's reason. Whoever took a place leaves it.
   */
  take(signal: AbortSignal, waitMs: number): Promise<void> | undefined {
    if (this.#taken < this.#max) {
      this.#taken++
      return undefined
    }
    if (this.#waiting.size >= WAITING_MAX) return Promise.reject(this.#overloaded('and too many more wait'))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const end = (): void => {
      this.#waiting.delete(begin)
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
    if (signal.aborted) aborted()
    return promise
  }

  /** Gives the place to the next in turn. */
  leave(): void {
    const [next] = this.#waiting
    if (next === undefined) this.#taken--
    else next()
  }

  #overloaded(why: string): CacheError {
    const message = `${this.#max} loads are running (maxConcurrentLoads), ${why}`
    return new CacheError('overloaded', message, { retryable: true })
  }
}
