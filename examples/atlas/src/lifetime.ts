/** A part without which nothing works is gone: told without a stack, which would say nothing of the cause. */
export class BrokenError extends Error {
  override readonly name = 'BrokenError'
}

/** Owns what was opened, and closes it in the reverse order, once. */
export class Lifetime {
  readonly #owned: { readonly name: string; readonly close: () => Promise<unknown> }[] = []
  readonly #ending = new AbortController()
  readonly #broken = Promise.withResolvers<never>()
  #ended: Promise<void> | undefined

  constructor() {
    this.#broken.promise.catch(() => {})
  }

  /** Aborts when the end begins. */
  get signal(): AbortSignal {
    return this.#ending.signal
  }

  /** Rejects with a BrokenError when a part without which nothing works is gone before the end. */
  get broken(): Promise<never> {
    return this.#broken.promise
  }

  /** Takes `close` over. After the end has begun it is called at once, and this throws: start nothing more. */
  own(name: string, close: () => Promise<unknown>): void {
    if (this.signal.aborted) {
      close().catch(() => {})
      throw new Error(`${name} was opened while atlas was ending`)
    }
    this.#owned.push({ name, close })
  }

  /** Says that a part is gone; what happens after the end has begun is no news. */
  break(reason: string): void {
    if (!this.signal.aborted) this.#broken.reject(new BrokenError(reason))
  }

  /** Closes everything; a thing that fails to close is told to `report` and does not keep the others. */
  end(report: (line: string) => void): Promise<void> {
    this.#ended ??= this.#close(report)
    return this.#ended
  }

  async #close(report: (line: string) => void): Promise<void> {
    this.#ending.abort()
    for (const { name, close } of this.#owned.reverse()) {
      try {
        await close()
      } catch (error) {
        report(`${name} did not close: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
}
