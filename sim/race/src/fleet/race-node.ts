import type { TierPlace } from '../shared-tier.ts'
import type { Workload } from '../workload.ts'
import type { State } from './outside.ts'

/** How the old row is loaded. 'swr': behind a stale answer. 'refresh': while a copy is fresh on every tier. */
export const RACE_LOADS = ['getOrSet', 'getOrSetMany', 'swr', 'refresh', 'reserve'] as const
/** How the new row is made known, and whether its tag is given with each load or derived from the loaded row. */
export const RACE_CHANGES = {
  delete: 'untagged',
  set: 'untagged',
  invalidateTag: 'given',
  'invalidateTag of the row': 'derived',
  clear: 'untagged',
  'write of the key': 'untagged',
  'write of a tag': 'given',
  'write of a tag of the row': 'derived',
} as const

/** One race. Its id names the key, the row in the database and a namespace of its own, so that races run side by side. */
export interface Race {
  readonly id: string
  readonly load: (typeof RACE_LOADS)[number]
  readonly change: keyof typeof RACE_CHANGES
}

/** What a read answered. */
export type Seen = State | 'absent'

/** One of the two nodes of a race: a cache of its own, in this process or in another. Everything is plain data. */
export interface RaceNode {
  /** Makes the node ready for the race; `seed` stores the old row first, fresh or stale. */
  prepare(race: Race): Promise<void>
  seed(race: Race): Promise<void>
  /** Begins a load; resolves when its loader has read the database, and hangs. */
  begin(race: Race): Promise<void>
  /** Lets the loader end; answers what the load gave, when all of it is over. */
  finish(race: Race): Promise<Seen>
  /** Commits the new row and makes it known; resolves when that is acknowledged. */
  change(race: Race): Promise<void>
  /** What the application reads: it loads where nothing is cached. */
  read(race: Race): Promise<Seen>
  /** What the tiers hold; loads nothing. */
  peek(race: Race): Promise<Seen>
  /** Everything that any process did before this call has been seen here, as far as its L1 is told of it at all. */
  barrier(): Promise<void>
  close(): Promise<void>
}

export interface RaceNodeOptions {
  /** Where the cache finds its shared tier: a proxy, maybe. */
  readonly place: TierPlace
  readonly mode: RaceMode
}

export type RaceMode = Workload['l1']

/** Δ of L1 'none': after that long a change is seen everywhere. */
export const UNTOLD_MS = 50
