import type { Token } from 'holdfast/contracts'

/**
 * The closing marker: what the namespace token of a ring is overwritten with on each of its servers before another ring
 * is used. No clock makes it; no entry matches it; whoever reads, acquires, puts or invalidates sees it in the same trip.
 * An island never removes it: whoever finds it there is on a ring that is over.
 */
export const SEALED: Token = 'hf-moved'
