import { refreshesEarly } from '../guard/early-refresh.ts'
import type { Policy } from '../policy.ts'
import type { CachedValue } from '../runtime/cached-value.ts'
import type { Found } from '../runtime/found.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Tier } from '../stats.ts'
import { load } from './load.ts'
import type { BulkCall, LoadJob } from './load-job.ts'
import type { Loader } from './loader.ts'
import { freshInL1, read } from './read.ts'
import { answerOf } from './value.ts'

/**
 * The one place that decides: fresh → answer; stale within swr → answer, and refresh behind; else load; where the load
 * fails, or is slower than softTimeout → a stale value within staleIfError, or the error. A hit in L1 that needs no
 * waiting is answered as it is, everything else as a promise: a hit costs its caller no promise but his own.
 * `bulk`: its loader is a bulk load's, which takes one place for all of its keys.
 */
export function getOrSet(rt: Runtime, key: string, loader: Loader, policy: Policy, bulk?: BulkCall): unknown {
  if (!policy.strong) {
    const hit = freshInL1(rt, key, policy, rt.clock.now())
    if (hit !== undefined) return hitIn(rt, key, hit, 'l1', loader, policy, bulk)
  }
  return readOrLoad(rt, key, loader, policy, bulk)
}

async function readOrLoad(
  rt: Runtime,
  key: string,
  loader: Loader,
  policy: Policy,
  bulk: BulkCall | undefined,
): Promise<unknown> {
  const mark = rt.mark()
  const budget = rt.budget()
  const joins = policy.softTimeoutMs === Number.POSITIVE_INFINITY && isLoading(rt, key)
  const found = joins ? undefined : await read(rt, key, policy, budget, 'load')
  if (found?.entry !== undefined && found.state === 'fresh')
    return hitIn(rt, key, found.entry, found.tier, loader, policy, bulk)
  const job = { loader, policy, seen: found?.seen, background: false, budget, ...bulk }
  if (found?.entry !== undefined) {
    if (isWithin(rt, found, policy.swrMs)) {
      refreshBehind(rt, key, { ...job, background: true })
      return staleHit(rt, key, found)
    }
    // It failed a moment ago: a database that is down is not asked by every read.
    if (isWithin(rt, found, policy.staleIfErrorMs) && !rt.failing.mayTry(key)) return staleHit(rt, key, found)
  }
  return await loadOrFallBack(rt, key, mark, job, found)
}

/** Someone in this process is loading the key now, and callers wait for it: joining needs no read of one's own. */
function isLoading(rt: Runtime, key: string): boolean {
  const open = rt.flights.open(key)
  return open !== undefined && !open.background && rt.fence.mayJoin(open)
}

function hitIn(
  rt: Runtime,
  key: string,
  entry: CachedValue,
  tier: Tier | undefined,
  loader: Loader,
  policy: Policy,
  bulk: BulkCall | undefined,
): unknown {
  rt.recorder.read(key, entry.negative ? 'negative-hit' : 'hit', tier)
  if (policy.earlyRefresh > 0) {
    const remainingMs = entry.staleAt - rt.clock.now()
    if (refreshesEarly(remainingMs, entry.loadMs, policy.earlyRefresh, () => rt.clock.random())) {
      const job = { loader, policy, seen: entry.seen, background: true, budget: rt.budget(), ...bulk }
      refreshBehind(rt, key, job)
    }
  }
  return answerOf(rt, entry)
}

function staleHit(rt: Runtime, key: string, found: Found): unknown {
  rt.recorder.read(key, 'stale-hit', found.tier, found.reason)
  return found.entry === undefined ? undefined : answerOf(rt, found.entry)
}

/** Whether a stale value may still be served by a window of `windowMs` that began when it became stale. */
function isWithin(rt: Runtime, found: Found, windowMs: number): boolean {
  return found.entry !== undefined && windowMs > 0 && rt.clock.now() < found.staleSince + windowMs
}

/** Starts one refresh that nobody waits for, where there is a place for it; in the fleet, whoever gets the lease does it. */
function refreshBehind(rt: Runtime, key: string, job: LoadJob): void {
  if (rt.flights.open(key) !== undefined || !rt.failing.mayTry(key)) return
  if (job.placed !== true && !rt.shared.places.isFree) return
  rt.recorder.counters.refreshes++
  const failed = (error: unknown) => rt.recorder.trouble('refresh_failed', key, error)
  load(rt, key, rt.mark(), { ...job, policy: { ...job.policy, signal: undefined } }).then(({ outcome }) => {
    if (outcome.kind === 'error') failed(outcome.error)
  }, failed)
}

/** Loads; on failure, or after softTimeout, falls back to what this call's own READ returned (rule S). */
async function loadOrFallBack(
  rt: Runtime,
  key: string,
  mark: number,
  job: LoadJob,
  found: Found | undefined,
): Promise<unknown> {
  const { policy } = job
  const held = found !== undefined && isWithin(rt, found, policy.staleIfErrorMs) ? found : undefined
  const loading = load(rt, key, mark, job)
  if (held !== undefined) noteLeaderHeld(rt, key, held)
  const ended = held === undefined ? await loading : await softened(rt, loading, policy.softTimeoutMs)
  if (ended === undefined && held !== undefined) return staleHit(rt, key, held)
  if (ended === undefined) return undefined
  const { outcome, led, flight } = ended
  if (outcome.kind === 'value' || outcome.kind === 'nothing') {
    rt.recorder.read(key, led ? 'miss' : 'coalesced', undefined, found?.reason)
    return outcome.kind === 'value' ? answerOf(rt, outcome.entry) : undefined
  }
  const own = found === undefined ? await readAfterFailure(rt, key, job) : held
  const fallback = rt.fence.fallback(own, flight.leaderHeld)
  if (fallback !== undefined) return staleHit(rt, key, fallback)
  rt.recorder.read(key, led ? 'miss' : 'coalesced', undefined, 'error')
  if (outcome.kind === 'error') throw outcome.error
  return undefined
}

/** A caller that joined without a read of its own makes one now: a stale value it finds is its own (rule S). */
async function readAfterFailure(rt: Runtime, key: string, job: LoadJob): Promise<Found | undefined> {
  const found = await read(rt, key, job.policy, job.budget, 'peek')
  return found.state === 'fresh' || isWithin(rt, found, job.policy.staleIfErrorMs) ? found : undefined
}

function noteLeaderHeld(rt: Runtime, key: string, held: Found): void {
  const flight = rt.flights.open(key)
  if (flight !== undefined && flight.leaderHeld === undefined) flight.leaderHeld = held
}

/** The load's end, or undefined once softTimeout has passed: the load goes on. */
async function softened<T>(rt: Runtime, loading: Promise<T>, softTimeoutMs: number): Promise<T | undefined> {
  if (softTimeoutMs === Number.POSITIVE_INFINITY) return await loading
  const { promise: late, resolve } = Promise.withResolvers<undefined>()
  const timer = rt.clock.after(softTimeoutMs, () => resolve(undefined), 'caller')
  try {
    return await Promise.race([loading, late])
  } finally {
    timer.cancel()
    // Whoever stops waiting must not leave an unhandled rejection (the caller's own abort) behind.
    loading.catch(() => undefined)
  }
}

/** What getOrSet would answer without loading: fresh, or stale within swr. */
export async function get(rt: Runtime, key: string, policy: Policy): Promise<Found | undefined> {
  if (!policy.strong) {
    const hit = freshInL1(rt, key, policy, rt.clock.now())
    if (hit !== undefined) {
      rt.recorder.read(key, hit.negative ? 'negative-hit' : 'hit', 'l1')
      return {
        state: 'fresh',
        entry: hit,
        tier: 'l1',
        reason: 'expired',
        staleSince: hit.staleAt,
        seen: hit.seen,
      }
    }
  }
  const found = await read(rt, key, policy, rt.budget(), 'peek')
  if (found.state === 'fresh')
    rt.recorder.read(key, found.entry?.negative ? 'negative-hit' : 'hit', found.tier)
  else if (isWithin(rt, found, policy.swrMs)) rt.recorder.read(key, 'stale-hit', found.tier, found.reason)
  else {
    rt.recorder.read(key, 'miss', undefined, found.reason)
    return undefined
  }
  return found
}

/** Loads now, whatever the tiers hold, and answers the new value. One load for all who ask meanwhile. */
export async function refresh(rt: Runtime, key: string, loader: Loader, policy: Policy): Promise<unknown> {
  const mark = rt.mark()
  const budget = rt.budget()
  const found = await read(rt, key, policy, budget, 'load')
  const job = { loader, policy, seen: found.seen, background: false, anew: true, budget }
  const { outcome, led } = await load(rt, key, mark, job)
  rt.recorder.read(key, led ? 'miss' : 'coalesced', undefined, 'bypass')
  if (outcome.kind === 'error') throw outcome.error
  return outcome.kind === 'value' ? answerOf(rt, outcome.entry) : undefined
}
