/** Which entry leaves when there is no room; see policies/. */
export type PolicyName = 'lru' | 'lfu' | 'ttl' | 'random' | 'none'

/** Where a slot is asked for and there is none. */
export const NO_SLOT = -1

/**
 * Decides who leaves, and knows nothing else. Entries are slots to it: small whole numbers that the store hands
 * out densely from 0 and reuses after `removed`. A policy never sees keys or values, and keeps what it needs in
 * arrays over slots. Every method is O(1) or O(log n) (`reserve` apart), and allocates nothing.
 *
 * Order of calls: `reserve` before the first `added` of a slot at or above the reserved ones; then, for each
 * slot, `added`, any number of `used` and `replaced`, `removed`.
 */
export interface EvictionPolicy {
  /** Makes room for slots below `slots`, which only ever grows. Cost: a copy of the arrays. */
  reserve(slots: number): void
  /** An entry took this slot. */
  added(slot: number, forgetAt: number): void
  /** The entry was read. */
  used(slot: number): void
  /** The entry was written anew. */
  replaced(slot: number, forgetAt: number): void
  /** The slot is free again, whoever freed it. */
  removed(slot: number): void
  /** The slot to free next, which is not yet removed by this; NO_SLOT: nothing is held, or nothing may leave. */
  victim(): number
}
