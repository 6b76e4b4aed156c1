import { nowMs, pause } from '../clock.ts'
import type { Failure, SourceState } from './orders.ts'

/** A row of the database. */
export interface Item {
  readonly key: string
  readonly version: string
}

// An error that a library wraps is still the loader's where it is the cause, this deep at most.
const CAUSES_MAX = 5

/** The source of truth of one process, with a loader that can fail in every way; counts what is asked of it. */
export class Source {
  #state: SourceState = { version: 'none', loadMs: 0 }
  #loads = 0
  readonly #loadedAtMs = new Map<string, number>()
  readonly #thrown = new Set<unknown>()

  /** Not async: a loader may throw before it gives a promise. Reads the row first, and takes its time then. */
  readonly load = (key: string): Promise<Item> => {
    this.#loads++
    this.#loadedAtMs.set(key, nowMs())
    const { version, loadMs, failure } = this.#state
    if (failure === 'throws at once') throw this.#failureOf(key, failure)
    return this.#answer(key, version, loadMs, failure)
  }

  get loads(): number {
    return this.#loads
  }

  become(state: SourceState): void {
    this.#state = state
  }

  /** When the key was last loaded, in monotonic milliseconds. */
  loadedAtMs(key: string): number | undefined {
    return this.#loadedAtMs.get(key)
  }

  /** Whether a caller got what a loader threw, itself or as a cause. */
  hasThrown(error: unknown): boolean {
    let candidate = error
    for (let depth = 0; depth <= CAUSES_MAX; depth++) {
      if (this.#thrown.has(candidate)) return true
      if (!(candidate instanceof Error)) return false
      candidate = candidate.cause
    }
    return false
  }

  async #answer(key: string, version: string, loadMs: number, failure: Failure | undefined): Promise<Item> {
    if (failure === 'hangs') return await new Promise(() => {})
    await pause(loadMs)
    if (failure !== undefined) throw this.#failureOf(key, failure)
    return { key, version }
  }

  #failureOf(key: string, failure: Failure): unknown {
    const text = `the database has no answer for ${key}, call ${this.#loads}`
    const thrown = failure === 'throws text' ? text : new Error(text)
    this.#thrown.add(thrown)
    return thrown
  }
}
