import {
  ENTRY_FLAG_NEGATIVE,
  type ReadRequest,
  type StoredEntry,
  softenedAtMs,
  type Tag,
  type TagToken,
  type Tokens,
} from '../contracts.ts'
import type { WaitBudget } from '../guard/wait-budget.ts'
import { admitToL1, learnTokens, matchCells, matchEntry, neverInvalidated } from '../invalidation/fence.ts'
import type { PendingRead } from '../invalidation/pending-reads.ts'
import { invalidationsOf } from '../invalidation/tag-cells.ts'
import type { Policy } from '../policy.ts'
import type { CachedValue } from '../runtime/cached-value.ts'
import type { Found } from '../runtime/found.ts'
import type { L2Link } from '../runtime/l2-link.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { L2Answer, SharedRead } from '../runtime/shared-read.ts'
import type { MissReason } from '../stats.ts'
import { decodeStored } from './value.ts'

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
export function freshInL1(rt: Runtime, key: string, now: number): CachedValue | undefined {
  const entry = rt.shared.memory?.get(rt.prefix + key, now)
  if (entry === undefined || look(rt, entry, now) !== 'fresh') return undefined
  if (rt.link === undefined || entry.local || rt.shared.mode === 'none') return entry
  if (rt.shared.mode === 'strong') return undefined
  return rt.link.verifiedWithin(rt.shared.maxStaleMs, now) ? entry : undefined
}

/** L1, then L2, with promotion; never loads. Infrastructure trouble is an answer, not an error. */
export async function read(rt: Runtime, key: string, policy: Policy, budget: WaitBudget): Promise<Found> {
  const held = rt.shared.memory?.get(rt.prefix + key)
  if (held !== undefined) {
    const found = await readL1(rt, key, held, policy, budget)
    if (found !== undefined) return found
  }
  const opening = rt.link?.opening
  if (opening !== undefined) await budget.atMost(opening)
  const link = rt.usableLink()
  if (link === undefined) return unverified(rt, key, held, policy)
  try {
    const answer = await shareReadL2(rt, link, key, policy, budget)
    return {
      ...answer,
      tier: answer.entry === undefined ? undefined : 'l2',
      staleSince: answer.entry?.staleAt ?? 0,
    }
  } catch (error) {
    rt.recorder.trouble('l2.read_failed', key, error)
    return unverified(rt, key, held, policy)
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
  return { state, entry: held, tier: 'l1', reason: 'expired', staleSince: staleSince(held), seen: held.id }
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
    return { state: 'absent', entry: undefined, tier: undefined, reason, staleSince: 0, seen: undefined }
  }
  const verifiedAt = held.local ? held.createdAt : rt.link.lastVerified(held.generation)
  const staleSince = Math.min(held.staleAt, verifiedAt)
  return { state: 'stale', entry: held, tier: 'l1', reason, staleSince, seen: held.id }
}

/** One L2 read for all calls that began before its request is written (rule J). */
function shareReadL2(
  rt: Runtime,
  link: L2Link,
  key: string,
  policy: Policy,
  budget: WaitBudget,
): Promise<L2Answer> {
  const shared = rt.reads.get(key)
  if (shared?.answer !== undefined && !shared.request.written && shared.validate === policy.validate)
    return shared.answer
  const tags = unheldTags(rt, policy, rt.tagHints(key))
  const namespace = !rt.tracking || rt.cells.namespace.token === undefined
  const request = { keys: [key], tags, namespace, intent: 'peek' as const, written: false }
  const answer = budget.wait((by) => readL2(rt, link, key, request, policy, by))
  const mine: SharedRead = { request, answer, validate: policy.validate }
  rt.reads.set(key, mine)
  const forget = () => {
    mine.answer = undefined
    if (rt.reads.get(key) === mine) rt.reads.delete(key)
  }
  answer.then(forget, forget)
  return answer
}

const NO_TAGS: readonly string[] = []

/** The tags whose tokens this read has to ask for. */
function unheldTags(rt: Runtime, policy: Policy, hints: readonly string[]): readonly string[] {
  if (policy.tags.length + hints.length === 0) return NO_TAGS
  return [...new Set([...policy.tags, ...hints])].filter((tag) => !isHeld(rt, tag))
}

function isHeld(rt: Runtime, tag: string): boolean {
  return rt.tracking && rt.cells.held(tag) !== undefined
}

/** Reads one key, its unknown tokens, and puts what is good into L1. */
async function readL2(
  rt: Runtime,
  link: L2Link,
  key: string,
  request: ReadRequest,
  policy: Policy,
  by: number,
): Promise<L2Answer> {
  const pending = rt.pendings.open(key)
  try {
    const generation = link.generation
    const watch = rt.cells.watch(request.tags, request.namespace)
    const reply = await link.ops.read(request, by)
    learnTokens(watch, reply.tokens)
    const found = reply.entries[0]
    if (found === undefined) {
      rt.shared.memory?.delete(rt.prefix + key)
      return absent(rt.takeExit(key) ?? 'cold', undefined)
    }
    if (!found.readable) {
      rt.recorder.trouble('decode_failed', key, found.reason)
      return absent('error', found.seen)
    }
    const tokens = request.namespace ? reply.tokens : { ...reply.tokens, namespace: rt.cells.namespace.token }
    return await acceptStored(rt, link, key, found, tokens, request.tags, { pending, generation, policy, by })
  } finally {
    rt.pendings.close(pending)
  }
}

/** How a stored entry was come by. */
export interface Acceptance {
  readonly pending: PendingRead
  readonly generation: number
  readonly policy: Policy
  readonly by: number
}

/**
 * Holds a stored entry against the current tokens (one more round trip where a tag of its header was not asked for),
 * decodes it, and puts it into L1. `asked`: the tags whose tokens `tokens` answers for.
 */
export async function acceptStored(
  rt: Runtime,
  link: L2Link,
  key: string,
  stored: StoredEntry,
  tokens: Tokens,
  asked: readonly string[],
  by: Acceptance,
): Promise<L2Answer> {
  if (stored.tags.length > 0) rt.rememberTags(key, unasked(stored, by.policy))
  const known = new Map<string, TagToken | undefined>(asked.map((tag) => [tag, tokens.tags.get(tag)]))
  const tag = (name: string) => (known.has(name) ? known.get(name) : heldToken(rt, name))
  let match = matchEntry(stored, { namespace: tokens.namespace, tag })
  if (match === 'unknown') {
    const names = stored.tags.map((one) => one.name).filter((name) => tag(name) === 'unasked')
    const watch = rt.cells.watch(names, false)
    const more = await link.ops.tokens(names, undefined, by.by)
    learnTokens(watch, more)
    for (const name of names) known.set(name, more.tags.get(name))
    match = matchEntry(stored, { namespace: tokens.namespace, tag })
  }
  if (match === 'gone' || match === 'unknown') {
    return absent(stored.namespaceToken === tokens.namespace ? 'tag' : 'invalidated', stored.seen)
  }
  if (stored.keepMs <= 0) return absent('expired', stored.seen)
  const freshMs = Math.min(
    stored.freshMs,
    ...stored.tags.map((one) => softFreshMs(stored, one, tag(one.name))),
  )
  return await promote(rt, key, stored, freshMs, by)
}

/** How long ago a tag was expired that the entry carries, as a time left; Infinity: it was not, since its load. */
function softFreshMs(stored: StoredEntry, carried: Tag, current: TagToken | undefined): number {
  if (current === undefined || current === carried.token) return Number.POSITIVE_INFINITY
  return Math.min(0, (softenedAtMs(current) ?? stored.readAtMs) - stored.readAtMs)
}

/** Decodes a stored entry that may be served, and puts it into L1. */
async function promote(
  rt: Runtime,
  key: string,
  stored: StoredEntry,
  freshMs: number,
  by: Acceptance,
): Promise<L2Answer> {
  const now = rt.clock.now()
  const decoded = await decodeStored(rt, key, stored, by.policy)
  if (decoded === undefined) return absent('error', stored.seen)
  const cells = [rt.cells.namespace, ...stored.tags.map((one) => rt.cells.cell(one.name))]
  const entry: CachedValue = {
    key: rt.prefix + key,
    ...decoded,
    negative: (stored.flags & ENTRY_FLAG_NEGATIVE) !== 0,
    id: stored.id,
    createdAt: now - stored.ageMs,
    loadMs: stored.loadMs,
    staleAt: now + freshMs,
    l1Until: l1Until(rt, by.policy, now),
    forgetAt: now + stored.keepMs,
    cells,
    tokens: [stored.namespaceToken, ...stored.tags.map((one) => one.token)],
    local: false,
    generation: by.generation,
    invalidations: invalidationsOf(cells),
  }
  const { memory } = rt.shared
  // Rule Q: while an invalidation is owed, what L2 answers may be what it is about.
  if (memory !== undefined && rt.link?.usable === true) admitToL1(rt.fence, memory, entry, by.pending)
  return { state: freshMs > 0 ? 'fresh' : 'stale', entry, reason: 'expired', seen: stored.seen }
}

/** When L1 must ask L2 again: its own ttl, and Δ where nothing tells it of changes. */
export function l1Until(rt: Runtime, policy: Policy, from: number): number {
  if (rt.link !== undefined && rt.shared.mode === 'none')
    return from + Math.min(policy.l1TtlMs, rt.shared.maxStaleMs)
  return policy.l1TtlMs < policy.ttlMs ? from + policy.l1TtlMs : Number.POSITIVE_INFINITY
}

function heldToken(rt: Runtime, tag: string): TagToken | 'unasked' {
  return (rt.tracking ? rt.cells.held(tag) : undefined) ?? 'unasked'
}

function unasked(stored: StoredEntry, policy: Policy): readonly string[] {
  return stored.tags.map((tag) => tag.name).filter((name) => !policy.tags.includes(name))
}

function absent(reason: MissReason, seen: string | undefined): L2Answer {
  return { state: 'absent', entry: undefined, reason, seen }
}
