import type { Clock } from '../contracts.ts'

/**
 * Operations that are not over, for whoever has to wait for them before he ends what they stand on. How many there are is up
 * to the callers.
 */
export class UnderWay {
  readonly #ends = new Set<Promise<void>>()

  track<T>(operation: Promise<T>): Promise<T> {
    const over = (): void => {
      this.#ends.delete(end)
    }
    const end = operation.then(over, over)
    this.#ends.add(end)
    return operation
  }

  /** Until those of now have ended, and those that came of them, for `waitMs` at most. Answers how many have not. */
  async ended(clock: Clock, waitMs: number): Promise<number> {
    if (this.#ends.size === 0) return 0
    let isLate = false
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const giveUp = (): void => {
      isLate = true
      resolve()
    }
    const timer = clock.after(waitMs, giveUp, 'caller')
    while (this.#ends.size > 0 && !isLate) await Promise.race([Promise.all(this.#ends), late])
    timer.cancel()
    return this.#ends.size
  }
}
