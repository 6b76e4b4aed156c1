import type { HistoryRecorder } from '@holdfast/testkit'
import type { Cache, CacheOptions } from 'holdfast'
import type { StoreDefinition } from 'holdfast/contracts'
import { createCacheWith, fence } from 'holdfast/internal'
import type { Dice } from './dice.ts'
import { type MutationName, mutations } from './mutations.ts'
import { openStore } from './open-store.ts'
import { withRecordedLeases } from './record-store.ts'
import type { TierPlace } from './shared-tier.ts'
import { withLateFills, withLease } from './store-faults.ts'
import type { Workload } from './workload.ts'

// Where stale values may be answered they may be so for longer than any run.
const STALE_MS = 60_000

/** What makes a node's cache. */
export interface CacheSetup {
  readonly namespace: string
  readonly place: TierPlace
  readonly workload: Workload
  /** The rule that is off; undefined: all hold. */
  readonly mutation: MutationName | undefined
}

/** A cache as a workload wants it, with a connection of its own; leases and fills go into the history. */
export function openCache(
  setup: CacheSetup,
  recorder: HistoryRecorder,
  dice: Dice,
  wrap: (definition: StoreDefinition) => StoreDefinition = (definition) => definition,
): Cache {
  const { namespace, place, workload } = setup
  const { leaseMs, fillReplyMsMax } = workload
  const mutation = setup.mutation === undefined ? {} : mutations[setup.mutation]
  let l2 = openStore(place)
  if (leaseMs !== undefined) l2 = withLease(l2, leaseMs)
  if (mutation.store !== undefined) l2 = mutation.store(l2)
  if (fillReplyMsMax > 0) l2 = withLateFills(l2, () => dice.upTo(fillReplyMsMax))
  l2 = wrap(withRecordedLeases(l2, recorder, leaseMs))
  return createCacheWith({ name: namespace, l2, ...lifeOf(workload) }, { ...fence, ...mutation.fence })
}

function lifeOf({ l1, maxStaleMs, ttlMs, stale }: Workload): Partial<CacheOptions> {
  if (l1 === 'bus') throw new TypeError('there is no bus yet')
  return {
    l1: l1 === 'off' ? false : { mode: l1, maxStale: maxStaleMs },
    ...(ttlMs === undefined ? {} : { ttl: ttlMs }),
    swr: stale === 'swr' && STALE_MS,
    staleIfError: stale === 'if-error' && STALE_MS,
  }
}
