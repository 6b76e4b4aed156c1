import type { Clock } from '../contracts.ts'

/** A wait for a change of one key's value or lease. Opened before the question is sent, so that no wake is lost. */
export interface Wake {
  /** Resolves at the next change since the wake was opened or last resolved, or after `ms`. */
  next(ms: number): Promise<void>
  close(): void
}

/** Who waits for which key; pushes wake them. Bounded by the flights that wait for another process's lease. */
export class Wakes {
  readonly #clock: Clock
  readonly #byKey = new Map<string, Set<() => void>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  open(key: string): Wake {
    let woken = false
    let resume: (() => void) | undefined
    const wake = () => {
      woken = true
      resume?.()
    }
    const wakes = this.#byKey.get(key) ?? new Set()
    this.#byKey.set(key, wakes.add(wake))
    return {
      next: (ms) => {
        const { promise, resolve } = Promise.withResolvers<void>()
        const timer = this.#clock.after(ms, resolve, 'caller')
        resume = resolve
        if (woken) resolve()
        return promise.then(() => {
          timer.cancel()
          resume = undefined
          woken = false
        })
      },
      close: () => {
        wakes.delete(wake)
        if (wakes.size === 0 && this.#byKey.get(key) === wakes) this.#byKey.delete(key)
      },
    }
  }

  wake(key: string): void {
    for (const wake of this.#byKey.get(key) ?? []) wake()
  }

  wakeAll(): void {
    for (const key of this.#byKey.keys()) this.wake(key)
  }
}
