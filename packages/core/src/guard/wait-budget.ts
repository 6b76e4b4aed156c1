import type { Clock } from '../contracts.ts'

/** One budget for all of a call's waits on L2: a slow server costs a call its budget once, not once per trip. */
export class WaitBudget {
  readonly #clock: Clock
  #leftMs: number

  constructor(clock: Clock, budgetMs: number) {
    this.#clock = clock
    this.#leftMs = budgetMs
  }

  get leftMs(): number {
    return this.#leftMs
  }

  /** Waits for one operation, which is given the moment at which its caller stops waiting. */
  async wait<T>(operation: (by: number) => Promise<T>): Promise<T> {
    const startedAt = this.#clock.now()
    try {
      return await operation(startedAt + this.#leftMs)
    } finally {
      this.spentSince(startedAt)
    }
  }

  /** Takes the time of a wait that began at `startedAt`. */
  spentSince(startedAt: number): void {
    this.#leftMs = Math.max(0, this.#leftMs - (this.#clock.now() - startedAt))
  }

  /** Waits for something that goes on by itself, as long as the budget lasts; undefined: it did not end in time. */
  async atMost<T>(going: Promise<T>): Promise<T | undefined> {
    const startedAt = this.#clock.now()
    const { promise: over, resolve } = Promise.withResolvers<undefined>()
    const timer = this.#clock.after(this.#leftMs, () => resolve(undefined), 'caller')
    try {
      return await Promise.race([going, over])
    } finally {
      timer.cancel()
      this.spentSince(startedAt)
    }
  }
}
