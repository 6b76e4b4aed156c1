import type { Dice } from './dice.ts'
import type { Workload } from './workload.ts'

/** Kinds of shared tier that are raced on. */
export const STORES = ['redis'] as const

export type StoreName = (typeof STORES)[number]

/** Where a cache finds its shared tier. Plain data: it is handed to threads. */
export type TierPlace =
  | { readonly store: 'redis'; readonly url: string }
  | { readonly store: 'memcached'; readonly urls: readonly string[] }

/** Real servers of one kind, which all runs share one after the other. Whoever started them ends them. */
export interface SharedTier extends AsyncDisposable {
  /** Where the caches of a run with this workload find it. */
  placeFor(workload: Workload): Promise<TierPlace>
  /** Forgets what another run left behind. */
  empty(): Promise<void>
  /** What befalls the servers, by the workload's will, until the time is over. */
  befall(workload: Workload, dice: Dice, untilMs: number): Promise<void>
}
