import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { CacheStats } from 'holdfast'

/** How a request ended: from a tier, after a load, or as neither (a write, a refusal, /stats). */
export type Ending = 'hit' | 'miss' | 'other'

export interface Latency {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** What one node did in the last second. */
export interface Second {
  readonly requests: number
  /** Reads answered by this tier, fresh, stale or negative. */
  readonly l1Hits: number
  readonly l2Hits: number
  readonly misses: number
  readonly queries: number
  readonly hits: Latency
  readonly missed: Latency
}

/** The counters of other parts, as they are now. */
export interface Counts {
  readonly cache: CacheStats
  readonly queries: number
}

const NS_PER_MS = 1e6

/** Counts requests and their durations, since the start and for the current second. */
export class Meter {
  readonly #counts: () => Counts
  readonly #all = createTrack()
  readonly #second = createTrack()
  #last: Counts
  #requests = 0
  #lastRequests = 0

  constructor(counts: () => Counts) {
    this.#counts = counts
    this.#last = counts()
  }

  /** Counts one request that took `ms`. */
  record(ending: Ending, ms: number): void {
    this.#requests++
    if (ending === 'other') return
    const ns = Math.max(1, Math.round(ms * NS_PER_MS))
    this.#all[ending].record(ns)
    this.#second[ending].record(ns)
  }

  /** What /stats answers: everything since the start. */
  summary(): unknown {
    const { cache, queries } = this.#counts()
    return {
      requests: this.#requests,
      hitRate: cache.hitRate,
      cache,
      database: { queries },
      latency: { hits: latency(this.#all.hit), misses: latency(this.#all.miss) },
    }
  }

  /** What happened since the last call, for the live line. */
  takeSecond(): Second {
    const now = this.#counts()
    const last = this.#last
    const second: Second = {
      requests: this.#requests - this.#lastRequests,
      l1Hits: answered(now.cache, 'l1') - answered(last.cache, 'l1'),
      l2Hits: answered(now.cache, 'l2') - answered(last.cache, 'l2'),
      misses: missed(now.cache) - missed(last.cache),
      queries: now.queries - last.queries,
      hits: latency(this.#second.hit),
      missed: latency(this.#second.miss),
    }
    this.#last = now
    this.#lastRequests = this.#requests
    this.#second.hit.reset()
    this.#second.miss.reset()
    return second
  }
}

function createTrack(): Readonly<Record<'hit' | 'miss', RecordableHistogram>> {
  return { hit: createHistogram(), miss: createHistogram() }
}

function latency(histogram: RecordableHistogram): Latency {
  if (histogram.count === 0) return { count: 0, p50Ms: 0, p99Ms: 0 }
  return {
    count: histogram.count,
    p50Ms: histogram.percentile(50) / NS_PER_MS,
    p99Ms: histogram.percentile(99) / NS_PER_MS,
  }
}

function answered(stats: CacheStats, tier: 'l1' | 'l2'): number {
  return stats.hits[tier] + stats.staleHits[tier] + stats.negativeHits[tier]
}

function missed(stats: CacheStats): number {
  return Object.values(stats.misses).reduce((sum, count) => sum + count, stats.coalesced)
}
