/**
 * Operations that are not over, for whoever has to wait for them before he ends what they stand on. Each ends at its own
 * deadline; how many there are is up to the callers.
 */
export class UnderWay {
  readonly #ends = new Set<Promise<void>>()

  track<T>(operation: Promise<T>): Promise<T> {
    const over = (): void => {
      this.#ends.delete(end)
    }
    // Ahead of whoever awaits the operation itself: his turn has come, too, before `ended` goes on.
    const end = operation.then(over, over)
    this.#ends.add(end)
    return operation
  }

  /** Those of now have ended, and those that came of them. */
  async ended(): Promise<void> {
    while (this.#ends.size > 0) await Promise.all(this.#ends)
  }
}
