import type { HistoryRecorder } from '@holdfast/testkit'
import type { Cache, CacheOptions, Logger } from 'holdfast'
import type { StoreDefinition } from 'holdfast/contracts'
import { createCacheWith, fence } from 'holdfast/internal'
import type { Dice } from './dice.ts'
import { type MutationName, mutations } from './mutations.ts'
import { openL1 } from './open-l1.ts'
import { openStore } from './open-store.ts'
import { withRecordedLeases } from './record-store.ts'
import type { TierPlace } from './shared-tier.ts'
import { withLateFills, withLease } from './store-faults.ts'
import type { Workload } from './workload.ts'

// For trouble that is made on purpose: its warnings would only hide others.
const SILENT: Logger = { info: () => undefined, warn: () => undefined }
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
  let l2 = openStore(place, mutation.memcached)
  if (leaseMs !== undefined) l2 = withLease(l2, leaseMs)
  if (mutation.store !== undefined) l2 = mutation.store(l2)
  if (fillReplyMsMax > 0) l2 = withLateFills(l2, () => dice.upTo(fillReplyMsMax))
  const grantsWithReads = place.store === 'memcached'
  l2 = wrap(withRecordedLeases(l2, recorder, { fixedLeaseMs: leaseMs, grantsWithReads }))
  const l1 = openL1(workload.l1, workload.maxStaleMs, place)
  return createCacheWith({ name: namespace, l1, l2, ...lifeOf(workload) }, { ...fence, ...mutation.fence })
}

function lifeOf({ ttlMs, stale, l2, breaking }: Workload): Partial<CacheOptions> {
  const isTroubled = l2 === 'away' || breaking !== 'nothing'
  return {
    ...(isTroubled ? { logger: SILENT } : {}),
    ...(ttlMs === undefined ? {} : { ttl: ttlMs }),
    swr: stale === 'swr' && STALE_MS,
    staleIfError: stale === 'if-error' && STALE_MS,
  }
}
