import {
  ENTRY_FLAG_NEGATIVE,
  type StoredEntry,
  softenedAtMs,
  type Tag,
  type TagToken,
  type Tokens,
} from '../contracts.ts'
import { admitToL1, type KnownTokens, learnTokens, matchEntry, mayBeOlder } from '../invalidation/fence.ts'
import type { PendingRead } from '../invalidation/pending-reads.ts'
import { invalidationsOf, type TagCells } from '../invalidation/tag-cells.ts'
import type { Policy } from '../policy.ts'
import type { CachedValue } from '../runtime/cached-value.ts'
import type { Found } from '../runtime/found.ts'
import type { L2Link } from '../runtime/l2-link.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { MissReason } from '../stats.ts'
import { decodeStored, type ValueParts } from './value.ts'

/** How a stored entry was come by. */
export interface Acceptance {
  readonly pending: PendingRead
  readonly generation: number
  readonly policy: Policy
  /** When it was asked for: what happened before then is in the answer. */
  readonly askedAt: number
  readonly by: number
  /** Those of where it was asked for. */
  readonly cells: TagCells
  /** The tags that were asked for, and what was answered. */
  readonly asked: readonly string[]
  readonly tokens: Tokens
}

/**
 * Holds a stored entry against the current tokens, decodes it, and puts it into L1: at once, so that a push which
 * follows its reply finds it there. It takes longer only where a tag of its header was not asked for (one more round
 * trip), or a schema answers later.
 */
export function acceptStored(
  rt: Runtime,
  link: L2Link,
  key: string,
  stored: StoredEntry,
  how: Acceptance,
): Found | Promise<Found> {
  if (stored.tags.length > 0) rt.rememberTags(key, unasked(stored, how.policy))
  const known = knownTokens(rt, stored, how)
  return matchEntry(stored, known) === 'unknown'
    ? acceptWithMore(rt, link, key, stored, how, known)
    : acceptMatched(rt, key, stored, how, known)
}

async function acceptWithMore(
  rt: Runtime,
  link: L2Link,
  key: string,
  stored: StoredEntry,
  how: Acceptance,
  known: KnownTokens,
): Promise<Found> {
  // Its bytes are those of a reply, which are used again as soon as the reply is handled.
  const kept = { ...stored, payload: Uint8Array.from(stored.payload) }
  const names = stored.tags.map((one) => one.name).filter((name) => known.tag(name) === 'unasked')
  const watch = rt.watchCells(how.cells, names, false)
  const more = await link.ops.tokens(key, names, undefined, how.by)
  learnTokens(watch, more)
  const tag = (name: string) => (names.includes(name) ? more.tags.get(name) : known.tag(name))
  return await acceptMatched(rt, key, kept, how, { namespace: known.namespace, tag })
}

function acceptMatched(
  rt: Runtime,
  key: string,
  stored: StoredEntry,
  how: Acceptance,
  known: KnownTokens,
): Found | Promise<Found> {
  const match = matchEntry(stored, known)
  if (match === 'gone' || match === 'unknown') {
    return absent(stored.namespaceToken === known.namespace ? 'tag' : 'invalidated', stored.seen)
  }
  if (stored.keepMs <= 0) return absent('expired', stored.seen)
  const freshMs = match === 'same' ? stored.freshMs : softenedFreshMs(stored, known)
  const parts = decodeStored(rt, key, stored, how.policy, how.by)
  if (!(parts instanceof Promise)) return promote(rt, key, stored, parts, freshMs, how)
  const readAt = rt.clock.now()
  return parts.then((decoded) => {
    // A schema that takes its time makes nothing live longer.
    const tookMs = rt.clock.now() - readAt
    const aged = { ...stored, ageMs: stored.ageMs + tookMs, keepMs: stored.keepMs - tookMs }
    return promote(rt, key, aged, decoded, freshMs - tookMs, how)
  })
}

/** Puts a decoded entry into L1, if nothing overtook it. */
function promote(
  rt: Runtime,
  key: string,
  stored: StoredEntry,
  parts: ValueParts | undefined,
  freshMs: number,
  how: Acceptance,
): Found {
  if (parts === undefined) return absent('error', stored.seen)
  const now = rt.clock.now()
  const { memory } = rt.shared
  const held = memory?.peek(rt.prefix + key)
  if (held?.local === true && mayBeOlder(stored, now, held)) return absent('expired', stored.seen)
  const cells = [how.cells.namespace]
  const tokens = [stored.namespaceToken]
  for (const tag of stored.tags) {
    cells.push(how.cells.cell(tag.name))
    tokens.push(tag.token)
  }
  const entry: CachedValue = {
    key: rt.prefix + key,
    value: parts.value,
    form: parts.form,
    cloneOnHit: parts.cloneOnHit,
    weightBytes: parts.weightBytes,
    negative: (stored.flags & ENTRY_FLAG_NEGATIVE) !== 0,
    id: stored.id,
    seen: stored.seen,
    createdAt: now - stored.ageMs,
    askedAt: how.askedAt,
    loadMs: stored.loadMs,
    staleAt: now + freshMs,
    l1Until: l1Until(rt, how.policy, how.askedAt),
    forgetAt: now + stored.keepMs,
    cells,
    tokens,
    local: false,
    generation: how.generation,
    invalidations: invalidationsOf(cells),
    unchecked: how.policy.validate === undefined,
  }
  // Rule Q: while an invalidation is owed, what L2 answers may be what it is about.
  if (memory !== undefined && rt.link?.usable === true) admitToL1(rt.fence, memory, entry, how.pending)
  const state = freshMs > 0 ? 'fresh' : 'stale'
  return { state, entry, tier: 'l2', reason: 'expired', staleSince: entry.staleAt, seen: stored.seen }
}

/** Nothing in L2 that may be served. */
export function absent(reason: MissReason, seen: string | undefined): Found {
  return { state: 'absent', entry: undefined, tier: undefined, reason, staleSince: 0, seen }
}

/** When L1 must ask L2 again: its own ttl, and Δ where nothing tells it of changes. */
export function l1Until(rt: Runtime, policy: Policy, from: number): number {
  if (rt.link !== undefined && rt.shared.mode === 'none')
    return from + Math.min(policy.l1TtlMs, rt.shared.maxStaleMs)
  return policy.l1TtlMs < policy.ttlMs ? from + policy.l1TtlMs : Number.POSITIVE_INFINITY
}

/** The token held of a tag, where pushes keep it true. */
export function heldToken(rt: Runtime, cells: TagCells, tag: string): TagToken | 'unasked' {
  return (rt.tracking ? cells.held(tag) : undefined) ?? 'unasked'
}

const noTag = (): 'unasked' => 'unasked'

function knownTokens(rt: Runtime, stored: StoredEntry, { cells, asked, tokens }: Acceptance): KnownTokens {
  const { namespace } = tokens
  if (stored.tags.length === 0) return { namespace, tag: noTag }
  return {
    namespace,
    tag: (name) => (asked.includes(name) ? tokens.tags.get(name) : heldToken(rt, cells, name)),
  }
}

function softenedFreshMs(stored: StoredEntry, known: KnownTokens): number {
  let freshMs = stored.freshMs
  for (const one of stored.tags) freshMs = Math.min(freshMs, softFreshMs(stored, one, known.tag(one.name)))
  return freshMs
}

/** How long ago a tag was expired that the entry carries, as a time left; Infinity: it was not, since its load. */
function softFreshMs(stored: StoredEntry, carried: Tag, current: TagToken | undefined): number {
  if (current === undefined || current === carried.token) return Number.POSITIVE_INFINITY
  return Math.min(0, (softenedAtMs(current) ?? stored.readAtMs) - stored.readAtMs)
}

function unasked(stored: StoredEntry, policy: Policy): readonly string[] {
  return stored.tags.map((tag) => tag.name).filter((name) => !policy.tags.includes(name))
}
