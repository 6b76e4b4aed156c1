interface Waiting {
  readonly label: string
  open(): void
}

/** Moments at which a program waits until a schedule lets it go on: one at a time, in an order that somebody drew. */
export class Gates {
  /** What went on, in this order. */
  readonly passed: string[] = []
  readonly #waiting: Waiting[] = []
  readonly #settle: () => Promise<unknown>

  /** `settle` resolves when everything that needs no gate has happened. */
  constructor(settle: () => Promise<unknown>) {
    this.#settle = settle
  }

  /** Waits for its turn. */
  pass(label: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push({ label, open: resolve })
    return promise
  }

  /** Opens gates until the work ends: of those that wait, the one that the next draw names. */
  async run(work: Promise<unknown>, draws: Iterator<number>): Promise<void> {
    let isOver = false
    const over = work.finally(() => {
      isOver = true
    })
    // Whoever awaits it below is told; until then it must not be an unhandled rejection.
    over.catch(() => undefined)
    while (!isOver) {
      await this.#settle()
      const [next] = this.#waiting.splice(Number(draws.next().value) % Math.max(1, this.#waiting.length), 1)
      if (next !== undefined) this.passed.push(next.label)
      next?.open()
    }
    await over
  }
}
