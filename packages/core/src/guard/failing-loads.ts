import type { Clock } from '../contracts.ts'

// The next try after a failure, doubled with each further one.
const RETRY_MS_MIN = 1000
const RETRY_MS_MAX = 30_000
// Keys whose failures are remembered; beyond, the oldest is forgotten, and tried again sooner.
const KEYS_MAX = 10_000

interface Failing {
  readonly failures: number
  readonly retryAt: number
}

/**
 * Keys whose last load failed, and when it is worth trying again: while a stale value can be served, a database that
 * is down is not asked by every read. Without a stale value every call tries: an error is never cached.
 */
export class FailingLoads {
  readonly #clock: Clock
  readonly #byKey = new Map<string, Failing>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether a load is worth trying now. */
  mayTry(key: string): boolean {
    if (this.#byKey.size === 0) return true
    const failing = this.#byKey.get(key)
    return failing === undefined || this.#clock.now() >= failing.retryAt
  }

  failed(key: string): void {
    const failures = (this.#byKey.get(key)?.failures ?? 0) + 1
    const ms = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** (failures - 1))
    this.#byKey.delete(key)
    if (this.#byKey.size >= KEYS_MAX) this.#forgetOldest()
    // Jitter only shortens: a bound stays a bound.
    this.#byKey.set(key, { failures, retryAt: this.#clock.now() + ms * (0.5 + this.#clock.random() / 2) })
  }

  succeeded(key: string): void {
    if (this.#byKey.size > 0) this.#byKey.delete(key)
  }

  #forgetOldest(): void {
    for (const key of this.#byKey.keys()) {
      this.#byKey.delete(key)
      return
    }
  }
}
