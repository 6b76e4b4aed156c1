import { changedRead, hostNow } from '@holdfast/testkit'
import type { NamespaceStore } from 'holdfast/contracts'

// A lease that a read was granted is given back when nobody has asked for it for this long.
const HELD_MS_MAX = 100

/** Since when a lease may be held that is asked for now, on a store that grants leases with its reads. */
export class Misses {
  // By key.
  readonly #sinceMs = new Map<string, number>()

  /** The store's read, watched. */
  watch(inner: NamespaceStore): NamespaceStore['read'] {
    return (request, by) => {
      const startMs = hostNow()
      const answered: typeof request.answered = (found, tokens) => {
        if (found === undefined && request.intent === 'load') this.#add(request.key, startMs)
        request.answered(found, tokens)
      }
      inner.read(changedRead(request, { answered }), by)
    }
  }

  /** The start of the earliest read that found nothing, if there was one since the last time that it was taken. */
  take(key: string): number {
    const now = hostNow()
    const sinceMs = this.#sinceMs.get(key) ?? now
    this.#sinceMs.delete(key)
    return Math.max(sinceMs, now - HELD_MS_MAX)
  }

  #add(key: string, startMs: number): void {
    this.#sinceMs.set(key, Math.min(startMs, this.#sinceMs.get(key) ?? startMs))
  }
}
