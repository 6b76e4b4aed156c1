import type { NewEntry, Token } from '../contracts.ts'
import { admitToL1, admitToL2, type Captured, learnTokens } from '../invalidation/fence.ts'
import type { PendingRead } from '../invalidation/pending-reads.ts'
import type { CachedValue } from '../runtime/cached-value.ts'
import type { L2Link } from '../runtime/l2-link.ts'
import type { LoadFlight, LoadOutcome } from '../runtime/load-outcome.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { isRefused } from './is-refused.ts'
import { captureHere, localEntry } from './keep-here.ts'
import type { Lease } from './lease.ts'
import type { Loaded, LoadJob } from './load-job.ts'
import { encodeLoaded, flagsOf, jitteredLife, sharedEntry, tagLifeMs, tagsOf } from './make-entry.ts'
import { tellNotStored } from './tell-not-stored.ts'
import { sealParts } from './value.ts'

/**
 * Fills L2 under the lease, then L1. Callers share the value up to the fill if it was accepted with equal tags (rule
 * J), else up to the load's own start (rule L). Waits for the fill as long as the job's budget lasts.
 */
export async function keepShared(
  rt: Runtime,
  link: L2Link,
  flight: LoadFlight,
  job: LoadJob,
  lease: Lease,
  loaded: Loaded,
): Promise<LoadOutcome> {
  const { key } = flight
  const { policy } = job
  const { value, loadMark, startedAt } = loaded
  const tags = tagsOf(policy, value)
  const parts = sealParts(rt, key, value, tags.length, 'loaded')
  const body = encodeLoaded(rt, key, parts)
  const known =
    body === undefined ? undefined : await captureDerived(rt, link, key, tags, lease.captured, job)
  // Rule Q: L2 does not know yet what overtook this load: neither lease nor tokens would refuse its fill.
  const captured = link.usable ? known : undefined
  if (body === undefined || captured === undefined) {
    rt.flights.close(flight)
    await job.budget.atMost(lease.giveBack())
    if (body !== undefined) rt.recorder.counters.refusedFills++
    const entry = localEntry(rt, key, policy, parts, loaded, captureHere(rt, key, policy), tags)
    return { kind: 'value', entry, sharedUpTo: loadMark }
  }
  const entry: NewEntry = {
    ...body,
    ...jitteredLife(rt, policy, value),
    id: rt.clock.token(),
    flags: flagsOf(policy, value),
    loadMs: rt.clock.now() - startedAt,
    namespaceToken: captured.namespace,
    tags: tags.map((name) => ({ name, token: captured.tags.get(name) ?? '' })),
  }
  const cached = sharedEntry(rt, key, policy, entry, parts, link.generation, rt.clock.now())
  rt.flights.close(flight)
  const fillMark = rt.mark()
  const filling = fill(rt, link, flight, { token: lease.token, entry, captured }, cached, startedAt)
  const proven = (await job.budget.atMost(filling)) === true
  return { kind: 'value', entry: cached, sharedUpTo: proven ? fillMark : loadMark }
}

/** Sends the fill; true: stored, and nothing overtook the load. L1 follows what L2 said. Never rejects. */
async function fill(
  rt: Runtime,
  link: L2Link,
  flight: LoadFlight,
  filling: { readonly token: Token; readonly entry: NewEntry; readonly captured: Captured },
  cached: CachedValue,
  startedAt: number,
): Promise<boolean> {
  const { key } = flight
  const { token, entry, captured } = filling
  const { memory } = rt.shared
  const pending = rt.pendings.open(key)
  const names = entry.tags.map((tag) => tag.name)
  const watch = rt.watchCells(rt.cellsOf(key), names, true)
  const by = rt.clock.now() + rt.shared.l2TimeoutMs
  try {
    const filled = await admitToL2(rt.fence, link.ops, { key, token, entry }, captured, by)
    learnTokens(watch, filled.tokens)
    if (filled.stored) rt.supersede(key, pending)
    if (!filled.proven) rt.recorder.counters.refusedFills++
    else if (memory !== undefined && link.usable) admitToL1(rt.fence, memory, cached, pending)
    return filled.proven
  } catch (error) {
    tellNotStored(rt, key, error)
    keepUnstored(rt, flight, cached, pending, startedAt, error)
    // Else everyone waits for the lease of a load that is over (a full server refuses every fill).
    link.ops.release(key, token, by).catch(() => false)
    return false
  } finally {
    rt.pendings.close(pending)
  }
}

/**
 * The fill failed. Refused for certain (a full server, a value beyond its bound): what only this process holds now is kept
 * until the load's start + Δ, as it is while L2 is away. Unknown: nothing of the key is kept, since nothing will tell of its
 * next change.
 */
function keepUnstored(
  rt: Runtime,
  flight: LoadFlight,
  cached: CachedValue,
  pending: PendingRead,
  startedAt: number,
  error: unknown,
): void {
  const { memory, mode, maxStaleMs } = rt.shared
  if (!isRefused(error) || flight.voided || mode === 'strong' || memory === undefined) {
    rt.dropKey(flight.key, 'invalidated')
    return
  }
  rt.supersede(flight.key, pending)
  admitToL1(
    rt.fence,
    memory,
    { ...cached, askedAt: startedAt, l1Until: Math.min(cached.l1Until, startedAt + maxStaleMs) },
    pending,
  )
}

/** The tokens of tags that the row brought along and nobody captured: rule T'. undefined: refused, and remembered. */
async function captureDerived(
  rt: Runtime,
  link: L2Link,
  key: string,
  tags: readonly string[],
  captured: Captured,
  job: LoadJob,
): Promise<Captured | undefined> {
  const late = tags.filter((tag) => !captured.tags.has(tag))
  if (late.length === 0) return captured
  rt.rememberTags(key, tags)
  try {
    const watch = rt.watchCells(rt.cellsOf(key), late, false)
    const tokens = await job.budget.wait((by) => link.ops.tokens(key, late, tagLifeMs(job.policy), by))
    learnTokens(watch, tokens)
    if (!rt.fence.epochHeld(captured.epoch, tokens.epoch)) return undefined
    if (late.some((tag) => !tokens.tags.has(tag))) return undefined
    return { ...captured, tags: new Map([...captured.tags, ...tokens.tags]) }
  } catch (error) {
    rt.recorder.trouble('l2.write_failed', key, error)
    return undefined
  }
}
