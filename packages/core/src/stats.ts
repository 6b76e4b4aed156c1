import type { ServerState } from './contracts.ts'

/** How a read ended. Each call counts as exactly one. */
export type Outcome = 'hit' | 'stale-hit' | 'negative-hit' | 'miss' | 'coalesced'

/** Why a read was not answered by a tier. */
export type MissReason = 'cold' | 'expired' | 'evicted' | 'invalidated' | 'tag' | 'error' | 'bypass'

export type Tier = 'l1' | 'l2'

/**
 * A copy of the counters since the cache was made; they only rise. The last five members are gauges of now, but for
 * `l1.evictions`, `l1.expirations` and most of `bus`, which are counters. All are of the whole cache, its namespaces
 * included, but for `flights`, `l2.queuedInvalidations` and `l2.servers`, which are of the namespace that was asked.
 */
export interface CacheStats {
  readonly requests: number
  readonly hits: { readonly l1: number; readonly l2: number }
  readonly staleHits: { readonly l1: number; readonly l2: number }
  readonly negativeHits: { readonly l1: number; readonly l2: number }
  /**
   * Reads that no tier answered, `get`, `has` and `ttl` included, by why there was nothing to answer with. `error`: the
   * load failed, or L2 could not be asked.
   */
  readonly misses: { readonly [reason in MissReason]: number }
  /** Of the calls above none: they shared another call's load. */
  readonly coalesced: number
  /** (hits + stale + negative) / requests, 0..1; 0 without requests. */
  readonly hitRate: number
  readonly loads: number
  readonly loadErrors: number
  /** Loads whose value could not be stored because something was invalidated meanwhile. */
  readonly refusedFills: number
  /** Loaded values above maxValueBytes: answered, and kept on no tier. */
  readonly tooLargeValues: number
  readonly refreshes: number
  readonly invalidations: number
  readonly l2Errors: number
  readonly l2WriteFailures: number
  /**
   * Calls of your hooks (onEvent, logger) that threw or rejected. A listener on diagnostics_channel that throws is not
   * among them: Node makes an uncaught exception of it.
   */
  readonly hookErrors: number
  readonly l1: {
    readonly entries: number
    readonly bytes: number
    readonly evictions: number
    readonly expirations: number
  }
  readonly l2: {
    /** Whether it is read and filled now; false where there is no L2, whose breaker is 'closed' then. */
    readonly online: boolean
    readonly breaker: 'closed' | 'open'
    /** Names (and clears) that L2 has not acknowledged; of several servers, one that two are owed counts twice. */
    readonly queuedInvalidations: number
    /**
     * Its servers by how they stand: `used`; `owed`, there and to be told of invalidations first; `waiting`, there and not
     * used before nobody can be using another list of servers; `displaced`, others use another list; `away`. Without L2
     * there is none.
     */
    readonly servers: { readonly [state in ServerState['state']]: number }
  }
  readonly bus: BusStats
  /** Keys being loaded, or waiting to be. */
  readonly flights: number
  /** Loaders that run now, and those that wait for a place (maxConcurrentLoads). */
  readonly running: { readonly loads: number; readonly waiting: number }
}

/**
 * Why everything in L1 was put in doubt, and asked of L2 again. 'lost': the connection to the bus was. 'gap': something was
 * not received. 'stranger': somebody was heard of late. 'vanished': somebody left without a goodbye. 'overflow': more came
 * in than could be handled. 'newer': a newer version says what is not understood.
 */
export type Doubt = 'lost' | 'gap' | 'stranger' | 'vanished' | 'overflow' | 'newer'

/** Of L1 mode 'bus': gauges, then counters. In other modes nothing is online, and nothing counted. */
export interface BusStats {
  readonly online: boolean
  /** Whether L1 is used now: every publisher was heard of within Δ, and nothing is in doubt. */
  readonly verified: boolean
  /** Other caches of this name that are heard of. */
  readonly publishers: number
  /** Frames that the bus accepted, beats included. */
  readonly published: number
  /** Frames that it did not accept in time: what they tell of is 'queued'. */
  readonly refused: number
  /** Frames of others. */
  readonly received: number
  /** Own frames that came back. */
  readonly echoes: number
  /** Frames that are none, are too long, of a newer version, or not signed by the secret. */
  readonly ignored: number
  readonly doubts: { readonly [why in Doubt]: number }
}

/** Counts servers by how they stand. */
export function countServers(servers: readonly ServerState[]): CacheStats['l2']['servers'] {
  const counts = { used: 0, away: 0, owed: 0, waiting: 0, displaced: 0 }
  for (const { state } of servers) counts[state]++
  return counts
}

/** Where there is no bus. */
export const NO_BUS: BusStats = {
  online: false,
  verified: false,
  publishers: 0,
  published: 0,
  refused: 0,
  received: 0,
  echoes: 0,
  ignored: 0,
  doubts: { lost: 0, gap: 0, stranger: 0, vanished: 0, overflow: 0, newer: 0 },
}

/** Counts in plain numbers: an increment costs about a nanosecond. */
export class Counters {
  hitsL1 = 0
  hitsL2 = 0
  staleL1 = 0
  staleL2 = 0
  negativeL1 = 0
  negativeL2 = 0
  coalesced = 0
  loads = 0
  loadErrors = 0
  refusedFills = 0
  tooLargeValues = 0
  refreshes = 0
  invalidations = 0
  l2Errors = 0
  l2WriteFailures = 0
  hookErrors = 0
  readonly misses: Record<MissReason, number> = {
    cold: 0,
    expired: 0,
    evicted: 0,
    invalidated: 0,
    tag: 0,
    error: 0,
    bypass: 0,
  }

  /** Counts one read. */
  count(outcome: Outcome, tier: Tier | undefined, reason: MissReason | undefined): void {
    if (outcome === 'hit') tier === 'l2' ? this.hitsL2++ : this.hitsL1++
    else if (outcome === 'stale-hit') tier === 'l2' ? this.staleL2++ : this.staleL1++
    else if (outcome === 'negative-hit') tier === 'l2' ? this.negativeL2++ : this.negativeL1++
    else if (outcome === 'coalesced') this.coalesced++
    else this.misses[reason ?? 'cold']++
  }

  /** The copy that `stats()` answers. */
  snapshot(gauges: Pick<CacheStats, 'l1' | 'l2' | 'bus' | 'flights' | 'running'>): CacheStats {
    const { hitsL1, hitsL2, staleL1, staleL2, negativeL1, negativeL2, misses, ...counts } = this
    const answered = hitsL1 + hitsL2 + staleL1 + staleL2 + negativeL1 + negativeL2
    const missed = Object.values(misses).reduce((sum, count) => sum + count)
    const requests = answered + missed + this.coalesced
    return {
      requests,
      hits: { l1: hitsL1, l2: hitsL2 },
      staleHits: { l1: staleL1, l2: staleL2 },
      negativeHits: { l1: negativeL1, l2: negativeL2 },
      misses: { ...misses },
      hitRate: requests === 0 ? 0 : answered / requests,
      ...counts,
      ...gauges,
    }
  }
}
