import { type Channel, channel } from 'node:diagnostics_channel'
import type { EventHook } from './event-hook.ts'
import type { Counters, MissReason, Outcome, Tier } from './stats.ts'

/** Published on 'holdfast:read', one per read. */
export interface ReadEvent {
  readonly type: 'read'
  readonly cache: string
  readonly key: string
  readonly outcome: Outcome
  readonly tier: Tier | undefined
  readonly reason: MissReason | undefined
}

/** Published on 'holdfast:load', one per finished load. */
export interface LoadEvent {
  readonly type: 'load'
  readonly cache: string
  readonly key: string
  readonly durationMs: number
  readonly background: boolean
  readonly failed: boolean
  readonly error: unknown
}

/** Published on 'holdfast:invalidate', one per call. */
export interface InvalidateEvent {
  readonly type: 'invalidate'
  readonly cache: string
  readonly kind: 'delete' | 'expire' | 'tags' | 'expire-tags' | 'clear'
  readonly names: readonly string[]
  readonly l2: 'applied' | 'queued'
}

/** Published on 'holdfast:trouble': background trouble that no caller hears of, and the end of what lasts. */
export interface TroubleEvent {
  readonly type: 'trouble'
  readonly cache: string
  readonly what: Trouble
  readonly key: string | undefined
  /** The address of the server that it is about, where it is about one: without credentials. */
  readonly server: string | undefined
  readonly error: unknown
}

/**
 * What is told as trouble. 'l2.lost' and 'l2.back' come in pairs: one for L2 as a whole (`server` is its address), and
 * where it has several servers one for each of them; a server that was not reached within l2Timeout is lost, too, and one
 * that leaves the list is told of no more. 'l2.breaker_opened': it is there, and too late; 'l2.lost' follows. 'bus.lost' and
 * 'bus.back' are the same of the bus. 'bus.refused': L2 knows, and the other processes drop all of L1 when they next hear
 * of this one.
 */
export type Trouble =
  | 'l2.read_failed'
  | 'l2.write_failed'
  | 'l2.acquire_failed'
  | 'l2.lost'
  | 'l2.back'
  | 'l2.breaker_opened'
  | 'bus.refused'
  | 'bus.lost'
  | 'bus.back'
  | 'decode_failed'
  | 'refresh_failed'
  | 'value_too_large'
  | 'hook_failed'

/** What `onEvent` is told. */
export type CacheEvent = ReadEvent | LoadEvent | InvalidateEvent | TroubleEvent

const reads: Channel = channel('holdfast:read')
const loads: Channel = channel('holdfast:load')
const invalidations: Channel = channel('holdfast:invalidate')
const troubles: Channel = channel('holdfast:trouble')

/** Records outcomes: one count each, and one event each where somebody listens. */
export class Recorder {
  readonly counters: Counters
  readonly #cache: string
  readonly #hook: EventHook<CacheEvent> | undefined
  readonly #eventHookFailed: (error: unknown) => void

  /** `eventHookFailed` hears how calls of the hook failed. */
  constructor(
    cache: string,
    counters: Counters,
    hook: EventHook<CacheEvent> | undefined,
    eventHookFailed: (error: unknown) => void,
  ) {
    this.#cache = cache
    this.counters = counters
    this.#hook = hook
    this.#eventHookFailed = eventHookFailed
  }

  read(key: string, outcome: Outcome, tier: Tier | undefined, reason?: MissReason): void {
    this.counters.count(outcome, tier, reason)
    if (this.#isHeard(reads))
      this.#tell(reads, { type: 'read', cache: this.#cache, key, outcome, tier, reason })
  }

  load(key: string, durationMs: number, background: boolean, failed: boolean, error?: unknown): void {
    this.counters.loads++
    if (failed) this.counters.loadErrors++
    if (this.#isHeard(loads))
      this.#tell(loads, { type: 'load', cache: this.#cache, key, durationMs, background, failed, error })
  }

  invalidate(kind: InvalidateEvent['kind'], names: readonly string[], l2: 'applied' | 'queued'): void {
    this.counters.invalidations++
    if (this.#isHeard(invalidations))
      this.#tell(invalidations, { type: 'invalidate', cache: this.#cache, kind, names, l2 })
  }

  trouble(what: Trouble, key: string | undefined, error: unknown, server?: string): void {
    if (what.startsWith('l2.') && what !== 'l2.back') this.counters.l2Errors++
    if (what === 'l2.write_failed') this.counters.l2WriteFailures++
    if (this.#isHeard(troubles))
      this.#tell(troubles, { type: 'trouble', cache: this.#cache, what, key, server, error })
  }

  /** A hook of the user's failed: counted each time, told of the first time. True: it was the first. */
  hookFailed(error: unknown): boolean {
    const isFirst = this.counters.hookErrors++ === 0
    if (isFirst) this.trouble('hook_failed', undefined, error)
    return isFirst
  }

  #isHeard(on: Channel): boolean {
    return this.#hook !== undefined || on.hasSubscribers
  }

  #tell(on: Channel, event: CacheEvent): void {
    if (on.hasSubscribers) on.publish(event)
    this.#hook?.tell(event, this.#eventHookFailed)
  }
}
