import { type Channel, channel } from 'node:diagnostics_channel'
import type { Counters, MissReason, Outcome, Tier } from './stats.ts'

/** Published on 'holdfast:read', one per read. */
export interface ReadEvent {
  readonly cache: string
  readonly key: string
  readonly outcome: Outcome
  readonly tier: Tier | undefined
  readonly reason: MissReason | undefined
}

/** Published on 'holdfast:load', one per finished load. */
export interface LoadEvent {
  readonly cache: string
  readonly key: string
  readonly durationMs: number
  readonly background: boolean
  readonly failed: boolean
  readonly error: unknown
}

/** Published on 'holdfast:invalidate', one per call. */
export interface InvalidateEvent {
  readonly cache: string
  readonly kind: 'delete' | 'expire' | 'tags' | 'expire-tags' | 'clear'
  readonly names: readonly string[]
  readonly l2: 'applied' | 'queued'
}

/** Published on 'holdfast:trouble': background trouble that no caller hears of. */
export interface TroubleEvent {
  readonly cache: string
  readonly what:
    | 'l2.read_failed'
    | 'l2.write_failed'
    | 'l2.acquire_failed'
    | 'l2.lost'
    | 'l2.breaker_opened'
    | 'decode_failed'
    | 'refresh_failed'
    | 'value_too_large'
    | 'hook_failed'
  readonly key: string | undefined
  readonly error: unknown
}

const reads: Channel = channel('holdfast:read')
const loads: Channel = channel('holdfast:load')
const invalidations: Channel = channel('holdfast:invalidate')
const troubles: Channel = channel('holdfast:trouble')

/** Records outcomes: one count each, and one event each where somebody listens. */
export class Recorder {
  readonly counters: Counters
  readonly #cache: string

  constructor(cache: string, counters: Counters) {
    this.#cache = cache
    this.counters = counters
  }

  read(key: string, outcome: Outcome, tier: Tier | undefined, reason?: MissReason): void {
    this.counters.count(outcome, tier, reason)
    if (reads.hasSubscribers) reads.publish({ cache: this.#cache, key, outcome, tier, reason })
  }

  load(key: string, durationMs: number, background: boolean, failed: boolean, error?: unknown): void {
    this.counters.loads++
    if (failed) this.counters.loadErrors++
    if (loads.hasSubscribers)
      loads.publish({ cache: this.#cache, key, durationMs, background, failed, error })
  }

  invalidate(kind: InvalidateEvent['kind'], names: readonly string[], l2: 'applied' | 'queued'): void {
    this.counters.invalidations++
    if (invalidations.hasSubscribers) invalidations.publish({ cache: this.#cache, kind, names, l2 })
  }

  trouble(what: TroubleEvent['what'], key: string | undefined, error: unknown): void {
    if (what.startsWith('l2.')) this.counters.l2Errors++
    if (what === 'l2.write_failed') this.counters.l2WriteFailures++
    if (what === 'hook_failed') this.counters.hookErrors++
    if (troubles.hasSubscribers) troubles.publish({ cache: this.#cache, what, key, error })
  }
}
