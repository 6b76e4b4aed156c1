import { type Acquired, CacheError, type Token, type Tokens } from '../contracts.ts'
import type { Wake } from '../guard/wakes.ts'
import { type Captured, learnTokens } from '../invalidation/fence.ts'
import type { L2Link } from '../runtime/l2-link.ts'
import type { LoadFlight, LoadOutcome } from '../runtime/load-outcome.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { callLoader } from './call-loader.ts'
import { GIVEN_BACK, type LoadJob } from './load-job.ts'
import { acceptStored } from './read.ts'
import { capturedHere, keepHere, keepShared, lifeOf } from './write.ts'

// A dead loader costs the fleet this long; protocol 4.2.
const LEASE_MS = 1000
const RENEW_EVERY_MS = 300
// Fallback while waiting for another process's load: pushes usually wake sooner.
const POLL_MS_MIN = 5
const POLL_MS_MAX = 50
// Entries handed back by ACQUIRE that turn out unusable, before the load goes on without a lease.
const FOUND_MAX = 4

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
  for (;;) {
    if (signal?.aborted) throw callerAborted(key, signal)
    const open = rt.flights.open(key)
    const joined = open !== undefined && rt.fence.mayJoin(open)
    const flight = joined ? open : rt.flights.begin(key, (mine) => fly(rt, mine, job))
    if (job.background && !joined) flight.background = true
    if (joined || !flight.begun) job.onBlocked?.()
    const outcome = await attend(flight, signal)
    if (!joined || rt.fence.mayShare(outcome.sharedUpTo, mark)) return { outcome, led: !joined, flight }
  }
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

type Lease =
  | { readonly kind: 'won'; readonly token: Token; readonly captured: Captured }
  | { readonly kind: 'settled'; readonly outcome: LoadOutcome }
  /** No lease to be had: load, and keep nothing in L2. `keep`: this process may keep it for Δ. */
  | { readonly kind: 'none'; readonly keep: boolean }

/** One flight: lease, load, fill. Never rejects. */
async function fly(rt: Runtime, flight: LoadFlight, job: LoadJob): Promise<LoadOutcome> {
  try {
    const link = rt.usableLink()
    if (link === undefined) return await loadHere(rt, flight, job, true)
    const lease = await acquire(rt, link, flight, job)
    if (lease.kind === 'settled') return lease.outcome
    if (lease.kind === 'none') return await loadHere(rt, flight, job, lease.keep)
    return await loadUnderLease(rt, link, flight, job, lease)
  } catch (error) {
    // Without L2 this process alone invalidates: what nothing overtook is shared by all who joined.
    const isAlone = rt.link === undefined && !flight.voided
    return { kind: 'error', error, sharedUpTo: isAlone ? rt.mark() : (flight.loadMark ?? 0) }
  }
}

/** Asks for the lease until it is won, someone else's value is there, or it makes no sense to go on. */
async function acquire(rt: Runtime, link: L2Link, flight: LoadFlight, job: LoadJob): Promise<Lease> {
  const wake = rt.wakes.open(flight.key)
  const giveUpAt = rt.clock.now() + job.policy.hardTimeoutMs
  let seen = job.seen
  let pollMs = POLL_MS_MIN
  try {
    // Rule Q: what is filled elsewhere while an invalidation of ours is queued may be what it is about.
    for (let found = 0; found < FOUND_MAX && link.usable; ) {
      const mark = rt.mark()
      const asked = await ask(rt, link, flight, job, seen, pollMs > POLL_MS_MIN)
      const { acquired, token } = asked
      if (acquired.state === 'won') {
        const captured = capturedOf(acquired.tokens)
        if (captured !== undefined) return { kind: 'won', token, captured }
        // A full server minted no tokens: nothing can be stored, so nobody shall wait for it.
        link.ops.release(flight.key, token, rt.clock.now() + rt.shared.l2TimeoutMs).catch(() => false)
        break
      }
      if (acquired.state === 'quarantined') return { kind: 'none', keep: false }
      if (acquired.state === 'found') {
        const outcome = await asked.accept(mark)
        if (outcome !== undefined) return { kind: 'settled', outcome }
        seen = acquired.entry.seen
        found++
        continue
      }
      if (job.background) return { kind: 'settled', outcome: { kind: 'left', sharedUpTo: 0 } }
      job.onBlocked?.()
      if (rt.clock.now() >= giveUpAt) break
      await waitForChange(rt, flight, wake, pollMs)
      pollMs = Math.min(POLL_MS_MAX, pollMs * 2)
    }
  } catch (error) {
    if (flight.controller.signal.aborted) throw error
    rt.recorder.trouble('l2.acquire_failed', flight.key, error)
  } finally {
    wake.close()
  }
  return { kind: 'none', keep: true }
}

/** One ACQUIRE with its tokens; `accept` turns what it found into an outcome that calls up to `mark` may share. */
async function ask(
  rt: Runtime,
  link: L2Link,
  flight: LoadFlight,
  job: LoadJob,
  seen: string | undefined,
  again: boolean,
): Promise<{
  acquired: Acquired
  token: Token
  accept: (mark: number) => Promise<LoadOutcome | undefined>
}> {
  const { key } = flight
  const token = rt.clock.token()
  const tags = [...new Set([...job.policy.tags, ...rt.tagHints(key)])]
  const pending = rt.pendings.open(key)
  try {
    const generation = link.generation
    const watch = rt.cells.watch(tags, true)
    const leaseMs = Math.max(LEASE_MS, link.store.capabilities.leaseMinMs)
    const request = { key, token, leaseMs, seen, tags, tagLifeMs: lifeOf(job.policy).keepMs * 4 }
    const send = (by: number) => link.ops.acquire(request, by)
    // The budget pays for the first question. Later ones wait for a load, not for a slow server.
    const acquired = await (again ? send(rt.clock.now() + rt.shared.l2TimeoutMs) : job.budget.wait(send))
    learnTokens(watch, acquired.tokens)
    const accept = async (mark: number): Promise<LoadOutcome | undefined> => {
      if (acquired.state !== 'found' || !acquired.entry.readable) return undefined
      const by = rt.clock.now() + rt.shared.l2TimeoutMs
      const admission = rt.pendings.open(key)
      admission.alive = pending.alive
      try {
        const acceptance = { pending: admission, generation, policy: job.policy, by }
        const answer = await acceptStored(rt, link, key, acquired.entry, acquired.tokens, tags, acceptance)
        if (answer.state !== 'fresh' || answer.entry === undefined) return undefined
        return { kind: 'value', entry: answer.entry, sharedUpTo: mark }
      } finally {
        rt.pendings.close(admission)
      }
    }
    return { acquired, token, accept }
  } finally {
    rt.pendings.close(pending)
  }
}

function capturedOf(tokens: Tokens): Captured | undefined {
  const { namespace, epoch, tags } = tokens
  return namespace === undefined || epoch === undefined ? undefined : { namespace, epoch, tags }
}

/** Until a push says that the value or the lease changed, or the poll is due, or the flight is ended. */
async function waitForChange(rt: Runtime, flight: LoadFlight, wake: Wake, pollMs: number): Promise<void> {
  const { signal } = flight.controller
  // Half of the wait is random: processes that wait for one lease do not ask in step.
  await wake.next(pollMs * (0.5 + rt.clock.random() / 2))
  signal.throwIfAborted()
}

/** Loads while holding the lease, and fills. */
async function loadUnderLease(
  rt: Runtime,
  link: L2Link,
  flight: LoadFlight,
  job: LoadJob,
  lease: { readonly token: Token; readonly captured: Captured },
): Promise<LoadOutcome> {
  const stopRenewing = keepRenewed(rt, link, flight.key, lease.token, job.policy.hardTimeoutMs)
  const loadMark = rt.mark()
  flight.loadMark = loadMark
  const startedAt = rt.clock.now()
  const release = async (): Promise<number> => {
    rt.flights.close(flight)
    const mark = rt.mark()
    const by = rt.clock.now() + rt.shared.l2TimeoutMs
    const released = link.ops.release(flight.key, lease.token, by).catch(() => false)
    // Still live: nothing was invalidated since the load began, so all who joined may share how it ended.
    return (await job.budget.atMost(released)) === true ? mark : loadMark
  }
  try {
    const value = await callLoader(rt, flight, job)
    if (value === GIVEN_BACK) {
      await release()
      return { kind: 'left', sharedUpTo: 0 }
    }
    if (value === undefined) return { kind: 'nothing', sharedUpTo: await release() }
    const loaded = { value, loadMark, startedAt }
    return await keepShared(rt, link, flight, job, lease, loaded, release)
  } catch (error) {
    return { kind: 'error', error, sharedUpTo: await release() }
  } finally {
    stopRenewing()
  }
}

/** Extends the lease until stopped, refused, or the hard timeout: a loader that outlives it is not waited for. */
function keepRenewed(rt: Runtime, link: L2Link, key: string, token: Token, forMs: number): () => void {
  const until = rt.clock.now() + forMs
  const leaseMs = Math.max(LEASE_MS, link.store.capabilities.leaseMinMs)
  let timer = rt.clock.after(RENEW_EVERY_MS, renew)
  let stopped = false
  function renew(): void {
    if (rt.clock.now() >= until) return
    const again = () => {
      if (!stopped) timer = rt.clock.after(RENEW_EVERY_MS, renew)
    }
    // A renewal that got no answer is tried again; a refused one is final: the fill will be refused too.
    link.ops
      .renew(key, token, leaseMs, rt.clock.now() + rt.shared.l2TimeoutMs)
      .then((held) => held && again(), again)
  }
  return () => {
    stopped = true
    timer.cancel()
  }
}

/** Loads without L2: there is none, or it cannot be used. What is kept is bounded by Δ where there is one (4.3). */
async function loadHere(rt: Runtime, flight: LoadFlight, job: LoadJob, keep: boolean): Promise<LoadOutcome> {
  const { key } = flight
  const pending = rt.pendings.open(key)
  try {
    const captured = capturedHere(rt, key, job.policy)
    const loadMark = rt.mark()
    flight.loadMark = loadMark
    const startedAt = rt.clock.now()
    const value = await callLoader(rt, flight, job)
    if (value === GIVEN_BACK) return { kind: 'left', sharedUpTo: 0 }
    const loaded = { value, loadMark, startedAt }
    return keepHere(rt, flight, job, captured, loaded, keep ? pending : undefined)
  } finally {
    rt.pendings.close(pending)
  }
}
