import type { Dice } from './dice.ts'
import type { Workload } from './workload.ts'

/** Kinds of shared tier that are raced on. */
export const STORES = ['redis', 'memcached'] as const

export type StoreName = (typeof STORES)[number]

/** Where a cache finds its shared tier. Plain data: it is handed to threads. */
export type TierPlace =
  | { readonly store: 'redis'; readonly url: string }
  | {
      readonly store: 'memcached'
      readonly urls: readonly string[]
      /** Ports that are reached by others: through a network of a test's own, to the same server under the same name. */
      readonly detours: Readonly<Record<number, number>>
      /** Stand in for servers that are away. */
      readonly gutter: readonly string[]
      /** Of the Redis that carries word of changes, where L1 is in mode 'bus'. */
      readonly busUrl?: string
    }

/** Real servers of one kind, which all runs share one after the other. Whoever started them ends them. */
export interface SharedTier extends AsyncDisposable {
  /** Where the caches of a run with this workload find it. */
  placeFor(workload: Workload): Promise<TierPlace>
  /** Where the one node finds it that a workload with partitions cuts off from one server or another. */
  placeOfCutOff?(workload: Workload): Promise<TierPlace>
  /** Forgets what another run left behind. */
  empty(): Promise<void>
  /** Every server is killed, and comes back on its port at once, empty. */
  restart(): Promise<void>
  /** What befalls the servers, by the workload's will, until the time is over. */
  befall(workload: Workload, dice: Dice, untilMs: number): Promise<void>
}
