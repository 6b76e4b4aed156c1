import { CacheError } from '../contracts.ts'
import type { L2Link } from '../runtime/l2-link.ts'
import type { LoadFlight, LoadOutcome } from '../runtime/load-outcome.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { callLoader } from './call-loader.ts'
import { GIVEN_BACK } from './given-back.ts'
import { captureHere, keepHere } from './keep-here.ts'
import { type Acquisition, acquire, type Lease } from './lease.ts'
import type { LoadJob } from './load-job.ts'
import { type Place, takeFreePlace, takePlace } from './take-place.ts'
import { keepShared } from './write.ts'

/**
 * Single flight with rule J: joins the open flight or begins one, and takes only a result that it may share. Loops
 * at most once more, because a flight that begins after this call is always shared by it.
 */
export async function load(
  rt: Runtime,
  key: string,
  mark: number,
  job: LoadJob,
): Promise<{ readonly outcome: LoadOutcome; readonly led: boolean; readonly flight: LoadFlight }> {
  const { signal } = job.policy
  const placed = job.placed === true || rt.isInsideLoader
  for (;;) {
    if (rt.closed) throw new CacheError('closed', 'the cache was closed', { key })
    if (signal?.aborted) throw callerAborted(key, signal)
    const open = rt.flights.open(key)
    const joined =
      open !== undefined && rt.fence.mayJoin(open) && (job.anew !== true || loadsAnew(open, mark))
    const flight = joined ? open : rt.flights.begin(key, (mine) => fly(rt, mine, { ...job, placed }))
    if (joined && rt.isInsideLoader) letIn(flight)
    if (job.background && !joined) flight.background = true
    if (job.anew === true) flight.anew = true
    if (joined || !flight.begun) job.onBlocked?.()
    const outcome = await attend(flight, signal)
    if (!joined || rt.fence.mayShare(outcome.sharedUpTo, mark)) return { outcome, led: !joined, flight }
  }
}

/** A loader that has its place waits for this flight: it must not wait for one. */
function letIn(flight: LoadFlight): void {
  flight.urgent = true
  flight.letIn?.()
}

/** Whether its load begins after the call that this mark numbers. */
function loadsAnew(flight: LoadFlight, mark: number): boolean {
  return flight.anew && (flight.loadMark === undefined || flight.loadMark > mark)
}

/** Waits for a flight, or for the caller's own signal; the last waiter to leave ends the flight. */
async function attend(flight: LoadFlight, signal: AbortSignal | undefined): Promise<LoadOutcome> {
  if (signal === undefined) {
    flight.waiters++
    try {
      return await flight.result
    } finally {
      flight.waiters--
    }
  }
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(callerAborted(flight.key, signal))
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  flight.waiters++
  try {
    return await Promise.race([flight.result, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
    flight.waiters--
    if (signal.aborted && flight.waiters === 0 && !flight.background) endFlight(flight)
  }
}

function callerAborted(key: string, signal: AbortSignal): CacheError {
  return new CacheError('aborted', 'the caller aborted', { key, cause: signal.reason })
}

function endFlight(flight: LoadFlight): void {
  flight.closed = true
  flight.controller.abort(new CacheError('aborted', 'every caller has left', { key: flight.key }))
}

/** One flight: lease, load, fill. Never rejects. */
async function fly(rt: Runtime, flight: LoadFlight, job: LoadJob): Promise<LoadOutcome> {
  try {
    await job.turn?.()
    const link = rt.usableLink()
    if (link === undefined) return await loadHere(rt, flight, job, true)
    const acquired = await acquireInTurn(rt, link, flight, job)
    if (acquired.kind === 'settled') return acquired.outcome
    if (acquired.kind === 'none') return await loadHere(rt, flight, job, acquired.keep)
    return await loadUnderLease(rt, link, flight, job, acquired.lease, acquired.place)
  } catch (error) {
    // Without L2 this process alone invalidates: what nothing overtook is shared by all who joined.
    const isAlone = rt.link === undefined && !flight.voided
    // An error before any load (no place for it) is everyone's who waits: nothing old is in it.
    return { kind: 'error', error, sharedUpTo: isAlone ? rt.mark() : (flight.loadMark ?? rt.mark()) }
  }
}

// Each time another process had begun to load while this one waited for a place.
const ROUNDS_MAX = 3

type InTurn =
  | Exclude<Acquisition, { readonly kind: 'won' | 'busy' }>
  | { readonly kind: 'won'; readonly lease: Lease; readonly place: Place }

/**
 * The lease, and a place for its loader. Where none is free the lease is given back meanwhile, and where another process
 * has the lease by then, the place: neither is held by one who waits for the other.
 */
async function acquireInTurn(rt: Runtime, link: L2Link, flight: LoadFlight, job: LoadJob): Promise<InTurn> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const first = await acquire(rt, link, flight, job)
    if (first.kind === 'busy') continue
    if (first.kind !== 'won') return first
    const free = takeFreePlace(rt, flight, job)
    if (free !== undefined) return { ...first, place: free }
    await first.lease.giveBack()
    const place = await takePlace(rt, flight, job)
    const again = await acquire(rt, link, flight, { ...job, leavesIfBusy: true }).catch((error: unknown) => {
      place.leave()
      throw error
    })
    if (again.kind === 'won') return { ...again, place }
    place.leave()
    if (again.kind !== 'busy') return again
  }
  return { kind: 'none', keep: false }
}

/** Loads while holding the lease, and fills. */
async function loadUnderLease(
  rt: Runtime,
  link: L2Link,
  flight: LoadFlight,
  job: LoadJob,
  lease: Lease,
  place: Place,
): Promise<LoadOutcome> {
  const { policy } = job
  lease.keepRenewed(policy.hardTimeoutMs, () => flight.voided)
  // If the lease was live until the end, nothing overtook the load: all who joined share how it ended.
  const sharedUpTo = async (live: () => Promise<boolean>): Promise<number> => {
    rt.flights.close(flight)
    const endMark = rt.mark()
    return (await job.budget.atMost(live())) === true ? endMark : (flight.loadMark ?? endMark)
  }
  try {
    const loaded = await callLoader(rt, flight, job, place)
    const { value } = loaded
    if (value === GIVEN_BACK) {
      await sharedUpTo(() => lease.giveBack())
      return { kind: 'left', sharedUpTo: 0 }
    }
    if (value === undefined) {
      const live = () => lease.giveBackAsAnswer(policy.deriveTags !== undefined)
      return { kind: 'nothing', sharedUpTo: await sharedUpTo(live) }
    }
    return await keepShared(rt, link, flight, job, lease, loaded)
  } catch (error) {
    return { kind: 'error', error, sharedUpTo: await sharedUpTo(() => lease.giveBack()) }
  } finally {
    lease.stopRenewing()
  }
}

/** Loads without L2: there is none, or it cannot be used. What is kept is bounded by Δ where there is one (4.3). */
async function loadHere(rt: Runtime, flight: LoadFlight, job: LoadJob, keep: boolean): Promise<LoadOutcome> {
  const { key } = flight
  const pending = rt.pendings.open(key)
  try {
    const place = await takePlace(rt, flight, job)
    const captured = captureHere(rt, key, job.policy)
    const loaded = await callLoader(rt, flight, job, place)
    if (loaded.value === GIVEN_BACK) return { kind: 'left', sharedUpTo: 0 }
    return keepHere(rt, flight, job.policy, captured, loaded, keep ? pending : undefined)
  } finally {
    rt.pendings.close(pending)
  }
}
