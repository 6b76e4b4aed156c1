import type { Clock } from 'holdfast/contracts'
import { isExplicitCas } from './explicit-cas.ts'
import type { WonLease } from './won-lease.ts'

// Of a lease without renewals: what is older is gone by itself, but for those on values.
const LIFE_MS = 2000
// What goes beyond this ends by itself: 200 bytes each.
const OWED_MAX = 1000

/**
 * Leases that nobody will use, and that could not be given back because the connection was gone: those whose cas counts on
 * the next one too. They cost nothing until it is there.
 */
export class OwedLeases {
  readonly #clock: Clock
  readonly #owed: { readonly lease: WonLease; readonly sinceMs: number }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(lease: WonLease): void {
    if (!isExplicitCas(lease.cas) || this.#owed.length === OWED_MAX) return
    this.#owed.push({ lease, sinceMs: this.#clock.now() })
  }

  /** Those that somebody may wait for still. */
  takeAll(): readonly WonLease[] {
    const sinceMs = this.#clock.now() - LIFE_MS
    const owed = this.#owed.splice(0)
    return owed.flatMap(({ lease, sinceMs: at }) => (at > sinceMs || lease.on === 'value' ? [lease] : []))
  }
}
