import type { LoadContext } from '../flow/loader.ts'

/** One load under way: it has read `value` already, and answers when told to. */
export interface HeldLoad<T> {
  readonly value: T
  readonly context: LoadContext
  /** Answers what it read, or something else. */
  finish(value?: T): void
  fail(error: unknown): void
}

/** A source of truth whose loads read at once and, after `hold()`, answer when told to. */
export class Database<T> {
  value: T
  /** Every load so far. */
  readonly loads: HeldLoad<T>[] = []
  #held = false
  #running = 0
  #runningMax = 0

  constructor(value: T) {
    this.value = value
  }

  /** Most loads that ran at one moment. */
  get runningMax(): number {
    return this.#runningMax
  }

  /** Loads from now on wait to be told. */
  hold(): void {
    this.#held = true
  }

  /** Ends the hold, and every load that waits answers what it read. */
  release(): void {
    this.#held = false
    for (const load of this.loads) load.finish()
  }

  readonly load = async (context: LoadContext): Promise<T> => {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const { value } = this
    const finish = (given?: T): void => resolve(given ?? value)
    this.loads.push({ value, context, finish, fail: reject })
    this.#runningMax = Math.max(this.#runningMax, ++this.#running)
    if (!this.#held) finish()
    try {
      return await promise
    } finally {
      this.#running--
    }
  }
}
