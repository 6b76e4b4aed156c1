import type { ReadRequest } from '../contracts.ts'
import type { WaitBudget } from '../guard/wait-budget.ts'
import { matchCells, neverInvalidated } from '../invalidation/fence.ts'
import type { Policy } from '../policy.ts'
import type { CachedValue } from '../runtime/cached-value.ts'
import type { Found } from '../runtime/found.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { MissReason } from '../stats.ts'
import { absent } from './accept-stored.ts'
import { isPartAway } from './is-part-away.ts'
import { shareL2Read } from './l2-read.ts'

type Look = 'fresh' | 'stale' | 'unknown' | 'gone'

/** What L1 knows by itself of an entry it holds; nothing of the connection's health. Cost: no allocation. */
function look(rt: Runtime, entry: CachedValue, now: number): Look {
  if (rt.link !== undefined && entry.generation !== rt.link.generation) return 'unknown'
  const match = matchCells(entry)
  if (match === 'gone' || match === 'unknown') return match
  if (now >= entry.l1Until) return 'unknown'
  return match === 'soft' || now >= entry.staleAt ? 'stale' : 'fresh'
}

/**
 * The value that L1 may answer at once, without waiting for anything: fresh, and verified within Δ. This is the hot
 * path: no allocation, and one clock read where there is no L2.
 */
export function freshInL1(rt: Runtime, key: string, policy: Policy, now: number): CachedValue | undefined {
  const entry = rt.shared.memory?.get(rt.prefix + key, now)
  if (entry === undefined || look(rt, entry, now) !== 'fresh' || !suits(entry, policy)) return undefined
  if (rt.link === undefined || entry.local || rt.shared.mode === 'none') return entry
  if (rt.shared.mode === 'strong') return undefined
  return rt.link.verifiedWithin(rt.shared.maxStaleMs, now) ? entry : undefined
}

/** What L2 gave to a call without a schema is no answer to one that has one, whichever tier it is in by now. */
function suits(entry: CachedValue, policy: Policy): boolean {
  return policy.validate === undefined || !entry.unchecked
}

/**
 * L1, then L2, with promotion; never loads, and with intent 'load' the caller will. Infrastructure trouble is an answer,
 * not an error.
 */
export function read(
  rt: Runtime,
  key: string,
  policy: Policy,
  budget: WaitBudget,
  intent: ReadRequest['intent'],
): Promise<Found> {
  const known = rt.shared.memory?.get(rt.prefix + key)
  const held = known === undefined || suits(known, policy) ? known : undefined
  return held === undefined && rt.link?.opening === undefined
    ? readL2(rt, key, undefined, policy, budget, intent)
    : readL1First(rt, key, held, policy, budget, intent)
}

async function readL1First(
  rt: Runtime,
  key: string,
  held: CachedValue | undefined,
  policy: Policy,
  budget: WaitBudget,
  intent: ReadRequest['intent'],
): Promise<Found> {
  if (held !== undefined) {
    const found = await readL1(rt, key, held, policy, budget)
    if (found !== undefined) return found
  }
  const opening = rt.link?.opening
  if (opening !== undefined) await budget.atMost(opening)
  return await readL2(rt, key, held, policy, budget, intent)
}

async function readL2(
  rt: Runtime,
  key: string,
  held: CachedValue | undefined,
  policy: Policy,
  budget: WaitBudget,
  intent: ReadRequest['intent'],
): Promise<Found> {
  const link = rt.usableLink()
  if (link === undefined) return unverified(rt, key, held, policy)
  const startedAt = rt.clock.now()
  try {
    const by = startedAt + budget.leftMs
    return await shareL2Read(rt, link, key, { policy, intent, held, askedAt: startedAt, by })
  } catch (error) {
    if (!isPartAway(error)) rt.recorder.trouble('l2.read_failed', key, error)
    return unverified(rt, key, held, policy)
  } finally {
    budget.spentSince(startedAt)
  }
}

/** What L1 alone can answer, verified as its mode demands; undefined: L2 must be asked. */
async function readL1(
  rt: Runtime,
  key: string,
  held: CachedValue,
  policy: Policy,
  budget: WaitBudget,
): Promise<Found | undefined> {
  let state = look(rt, held, rt.clock.now())
  if (state === 'fresh' || state === 'stale') {
    if (!(await isVerified(rt, held, policy, budget))) return undefined
    // Pushes may have been handled while the barrier was awaited.
    if (rt.shared.memory?.peek(rt.prefix + key) !== held) return undefined
    state = look(rt, held, rt.clock.now())
  }
  if (state === 'gone') rt.dropKey(key, 'tag')
  if (state !== 'fresh' && state !== 'stale') return undefined
  return { state, entry: held, tier: 'l1', reason: 'expired', staleSince: staleSince(held), seen: held.seen }
}

/** The end of its ttl, or the expiry of a tag by this process before it; L2's expiries are in `staleAt` already. */
function staleSince(held: CachedValue): number {
  let since = held.staleAt
  if (!held.local) return since
  held.cells.forEach((cell, i) => {
    if (cell.local !== held.tokens[i]) since = Math.min(since, cell.softenedAt)
  })
  return since
}

/** Whether L1's entry is known to be true now. One shared round trip where the mode or the caller asks for it. */
async function isVerified(
  rt: Runtime,
  held: CachedValue,
  policy: Policy,
  budget: WaitBudget,
): Promise<boolean> {
  const { link } = rt
  const { mode, maxStaleMs } = rt.shared
  if (link === undefined) return true
  if (held.local) return !policy.strong && mode !== 'strong'
  if (mode === 'none') return !policy.strong
  // What came from a bus is as good as its promises: a read that must be exact asks L2, as does one where it is in doubt.
  if (mode === 'bus') return !policy.strong && link.verifiedWithin(maxStaleMs, rt.clock.now())
  if (!policy.strong && mode === 'tracked' && link.verifiedWithin(maxStaleMs, rt.clock.now())) return true
  try {
    await budget.wait((by) => link.barrier(by))
    return true
  } catch (error) {
    rt.recorder.trouble('l2.read_failed', undefined, error)
    return false
  }
}

/** L2 cannot be asked: what L1 holds is stale since it was last verified, and only if nothing invalidated it here. */
function unverified(rt: Runtime, key: string, held: CachedValue | undefined, policy: Policy): Found {
  const reason: MissReason = rt.link === undefined ? (rt.takeExit(key) ?? 'cold') : 'error'
  const usable =
    held !== undefined && rt.shared.memory?.peek(rt.prefix + key) === held && neverInvalidated(held)
  // A read that must be exact has no use for what cannot be verified.
  if (!usable || rt.link === undefined || policy.strong) {
    return absent(reason, undefined)
  }
  // Heartbeats verify what is tracked: in mode 'none' an entry is as true as it was when it was asked for.
  const isTracked = !held.local && rt.shared.mode !== 'none'
  const verifiedAt = isTracked ? Math.max(held.askedAt, rt.link.lastVerified(held.generation)) : held.askedAt
  const staleSince = Math.min(held.staleAt, verifiedAt)
  return { state: 'stale', entry: held, tier: 'l1', reason, staleSince, seen: held.seen }
}
