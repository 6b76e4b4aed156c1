import {
  CacheError,
  ENTRY_FLAG_NEGATIVE,
  type NewEntry,
  show,
  type TagToken,
  type Token,
} from '../contracts.ts'
import { admitToL1, admitToL2, type Captured, learnTokens, matchCells } from '../invalidation/fence.ts'
import type { PendingRead } from '../invalidation/pending-reads.ts'
import { invalidationsOf, type TagCell } from '../invalidation/tag-cells.ts'
import { checkTags, type Policy } from '../policy.ts'
import type { CachedValue } from '../runtime/cached-value.ts'
import type { L2Link } from '../runtime/l2-link.ts'
import type { LoadFlight, LoadOutcome } from '../runtime/load-outcome.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { LoadJob } from './load-job.ts'
import { l1Until } from './read.ts'
import { sealParts, type ValueParts } from './value.ts'

/** A value that a loader gave. */
export interface Loaded {
  readonly value: unknown
  /** Runtime.mark when the load began. */
  readonly loadMark: number
  readonly startedAt: number
}

/** How long an entry lives: fresh, and kept at all. `value` null may have a life of its own. */
export function lifeOf(policy: Policy, value?: unknown): { readonly ttlMs: number; readonly keepMs: number } {
  if (value === null && policy.negativeTtlMs > 0)
    return { ttlMs: policy.negativeTtlMs, keepMs: policy.negativeTtlMs }
  return { ttlMs: policy.ttlMs, keepMs: policy.ttlMs + Math.max(policy.swrMs, policy.staleIfErrorMs) }
}

/** The life of one entry: jitter only shortens. */
export function jitteredLife(rt: Runtime, policy: Policy, value: unknown): { ttlMs: number; keepMs: number } {
  const life = lifeOf(policy, value)
  const cutMs = life.ttlMs * policy.jitter * rt.clock.random()
  return { ttlMs: life.ttlMs - cutMs, keepMs: life.keepMs - cutMs }
}

/** The tags of a loaded value: given ones, or those derived from it. */
function tagsOf(policy: Policy, value: unknown): readonly string[] {
  const derive: ((value: never) => readonly string[]) | undefined = policy.deriveTags
  if (derive === undefined) return policy.tags
  const derived: unknown = Reflect.apply(derive, undefined, [value])
  return checkTags([...policy.tags, ...checkTags(derived)])
}

/**
 * Fills L2 under the lease, then L1. Callers share the value up to the fill if it was accepted with equal tags (rule
 * J), else up to the load's own start (rule L). Waits for the fill as long as the job's budget lasts.
 */
export async function keepShared(
  rt: Runtime,
  link: L2Link,
  flight: LoadFlight,
  job: LoadJob,
  lease: { readonly token: Token; readonly captured: Captured },
  loaded: Loaded,
  release: () => Promise<number>,
): Promise<LoadOutcome> {
  const { key } = flight
  const { policy } = job
  const tags = tagsOf(policy, loaded.value)
  const parts = sealParts(rt, key, loaded.value, tags.length, 'loaded')
  const { loadMark } = loaded
  const known = await captureDerived(rt, link, key, tags, lease.captured)
  // Rule Q: L2 does not know yet what overtook this load: neither lease nor tokens would refuse its fill.
  const captured = link.usable ? known : undefined
  const body = captured === undefined ? undefined : encode(rt, key, parts)
  if (captured === undefined || body === undefined) {
    await release()
    const entry = localEntry(rt, key, policy, parts, loaded, capturedHere(rt, key, policy), tags)
    if (captured === undefined) rt.recorder.counters.refusedFills++
    return { kind: 'value', entry, sharedUpTo: loadMark }
  }
  const life = jitteredLife(rt, policy, loaded.value)
  const entry: NewEntry = {
    ...body,
    ...life,
    id: rt.clock.token(),
    flags: loaded.value === null && policy.negativeTtlMs > 0 ? ENTRY_FLAG_NEGATIVE : 0,
    loadMs: rt.clock.now() - loaded.startedAt,
    namespaceToken: captured.namespace,
    tags: tags.map((name) => ({ name, token: captured.tags.get(name) ?? '' })),
  }
  return await fill(rt, link, flight, job, lease.token, entry, captured, parts, loadMark)
}

/** Sends the fill and settles what it proves. */
async function fill(
  rt: Runtime,
  link: L2Link,
  flight: LoadFlight,
  job: LoadJob,
  token: Token,
  entry: NewEntry,
  captured: Captured,
  parts: ValueParts,
  loadMark: number,
): Promise<LoadOutcome> {
  const { key } = flight
  const pending = rt.pendings.open(key)
  const generation = link.generation
  const watch = rt.cells.watch(
    entry.tags.map((tag) => tag.name),
    true,
  )
  const cached = sharedEntry(rt, key, job.policy, entry, parts, generation)
  rt.flights.close(flight)
  const fillMark = rt.mark()
  const by = rt.clock.now() + rt.shared.l2TimeoutMs
  const filling = admitToL2(rt.fence, link.ops, { key, token, entry }, captured, by).then(
    (filled) => {
      learnTokens(watch, filled.tokens)
      const { memory } = rt.shared
      if (filled.proven && memory !== undefined) admitToL1(rt.fence, memory, cached, pending)
      if (!filled.proven) rt.recorder.counters.refusedFills++
      return filled.proven
    },
    (error: unknown) => {
      rt.recorder.trouble('l2.write_failed', key, error)
      // Else everyone waits for the lease of a load that is over (a full server refuses every fill).
      link.ops.release(key, token, rt.clock.now() + rt.shared.l2TimeoutMs).catch(() => false)
      return false
    },
  )
  filling.finally(() => rt.pendings.close(pending))
  const proven = (await job.budget.atMost(filling)) === true
  return { kind: 'value', entry: cached, sharedUpTo: proven ? fillMark : loadMark }
}

/** The tokens of tags that the row brought along and nobody captured: rule T'. undefined: refused, and remembered. */
async function captureDerived(
  rt: Runtime,
  link: L2Link,
  key: string,
  tags: readonly string[],
  captured: Captured,
): Promise<Captured | undefined> {
  const late = tags.filter((tag) => !captured.tags.has(tag))
  if (late.length === 0) return captured
  rt.rememberTags(key, tags)
  try {
    const watch = rt.cells.watch(late, false)
    const by = rt.clock.now() + rt.shared.l2TimeoutMs
    const tokens = await link.ops.tokens(late, TAG_LIFE_MS_MIN, by)
    learnTokens(watch, tokens)
    if (!rt.fence.epochHeld(captured.epoch, tokens.epoch)) return undefined
    if (late.some((tag) => !tokens.tags.has(tag))) return undefined
    return { ...captured, tags: new Map([...captured.tags, ...tokens.tags]) }
  } catch (error) {
    rt.recorder.trouble('l2.write_failed', key, error)
    return undefined
  }
}

// Life of a tag minted after a load: a day, extended by whoever uses it longer.
const TAG_LIFE_MS_MIN = 86_400_000

/** The bytes of a value; undefined where they are too many: the value is answered and not stored. */
export function encode(
  rt: Runtime,
  key: string,
  parts: Pick<ValueParts, 'value' | 'form'>,
): { codec: number; payload: Uint8Array } | undefined {
  const encoded = rt.shared.codec.encode(parts.value, parts.form)
  if (encoded.payload.byteLength <= rt.shared.maxValueBytes) return encoded
  const message = `the value of ${show(key)} has ${encoded.payload.byteLength} bytes; maxValueBytes is ${rt.shared.maxValueBytes}`
  rt.recorder.trouble('value_too_large', key, new CacheError('value_too_large', message, { key }))
  return undefined
}

/** An entry as L1 keeps it beside the same one in L2. */
export function sharedEntry(
  rt: Runtime,
  key: string,
  policy: Policy,
  entry: NewEntry,
  parts: ValueParts,
  generation: number,
): CachedValue {
  const now = rt.clock.now()
  const cells = cellsOf(
    rt,
    entry.tags.map((tag) => tag.name),
  )
  return {
    key: rt.prefix + key,
    ...parts,
    negative: (entry.flags & ENTRY_FLAG_NEGATIVE) !== 0,
    id: entry.id,
    createdAt: now,
    loadMs: entry.loadMs,
    staleAt: now + entry.ttlMs,
    l1Until: l1Until(rt, policy, now),
    forgetAt: now + entry.keepMs,
    cells,
    tokens: [entry.namespaceToken, ...entry.tags.map((tag) => tag.token)],
    local: false,
    generation,
    invalidations: invalidationsOf(cells),
  }
}

/** What this process captures before a load that only it will keep. */
export interface CapturedHere {
  readonly epoch: string
  readonly generation: number
  readonly tokens: ReadonlyMap<TagCell, TagToken>
}

export function capturedHere(rt: Runtime, key: string, policy: Policy): CapturedHere {
  const cells = cellsOf(rt, [...policy.tags, ...rt.tagHints(key)])
  return {
    epoch: rt.localEpoch,
    generation: rt.link?.generation ?? 0,
    tokens: new Map(cells.map((cell) => [cell, rt.cells.local(cell)])),
  }
}

function cellsOf(rt: Runtime, tags: readonly string[]): TagCell[] {
  return [rt.cells.namespace, ...tags.map((tag) => rt.cells.cell(tag))]
}

/** Settles a load that L2 has no part in; `pending` undefined: the value must not be kept. */
export function keepHere(
  rt: Runtime,
  flight: LoadFlight,
  job: LoadJob,
  captured: CapturedHere,
  loaded: Loaded,
  pending: PendingRead | undefined,
): LoadOutcome {
  const { key } = flight
  const { policy } = job
  const { loadMark } = loaded
  // Without L2 this process alone invalidates: who joined until now may share what nothing overtook.
  const unshared = flight.voided || rt.link !== undefined
  if (loaded.value === undefined) return { kind: 'nothing', sharedUpTo: unshared ? loadMark : rt.mark() }
  const tags = tagsOf(policy, loaded.value)
  const parts = sealParts(rt, key, loaded.value, tags.length, 'loaded')
  const entry = localEntry(rt, key, policy, parts, loaded, captured, tags)
  const proven = !flight.voided && matchCells(entry) === 'same'
  if (!proven) {
    rt.rememberTags(key, tags)
    rt.recorder.counters.refusedFills++
  }
  const { memory, mode } = rt.shared
  const kept = pending !== undefined && memory !== undefined && (rt.link === undefined || mode !== 'strong')
  if (kept && proven) admitToL1(rt.fence, memory, entry, pending)
  return { kind: 'value', entry, sharedUpTo: unshared || !proven ? loadMark : rt.mark() }
}

/** An entry that only this process holds: for its whole life without L2, else until the load's start + Δ. */
function localEntry(
  rt: Runtime,
  key: string,
  policy: Policy,
  parts: ValueParts,
  loaded: Loaded,
  captured: CapturedHere,
  tags: readonly string[],
): CachedValue {
  const now = rt.clock.now()
  const life = jitteredLife(rt, policy, loaded.value)
  const alone = rt.link === undefined
  const cells = cellsOf(rt, tags)
  const ttlMs = alone ? Math.min(life.ttlMs, policy.l1TtlMs) : life.ttlMs
  return {
    key: rt.prefix + key,
    ...parts,
    negative: loaded.value === null && policy.negativeTtlMs > 0,
    id: rt.clock.token(),
    createdAt: loaded.startedAt,
    loadMs: now - loaded.startedAt,
    staleAt: now + ttlMs,
    l1Until: alone ? Number.POSITIVE_INFINITY : loaded.startedAt + rt.shared.maxStaleMs,
    forgetAt: now + life.keepMs,
    cells,
    tokens: cells.map((cell) => lateToken(rt, cell, captured)),
    local: true,
    generation: captured.generation,
    invalidations: invalidationsOf(cells),
  }
}

/** Rule T' in one process: a tag that was not captured counts if no tag was invalidated since. */
function lateToken(rt: Runtime, cell: TagCell, captured: CapturedHere): TagToken {
  const token = captured.tokens.get(cell)
  if (token !== undefined) return token
  return rt.fence.epochHeld(captured.epoch, rt.localEpoch) ? rt.cells.local(cell) : ''
}

/** Puts a value into L1 by the word of `set`, where there is no L2. */
export function keepLocally(
  rt: Runtime,
  key: string,
  parts: ValueParts,
  tags: readonly string[],
  policy: Policy,
): 'stored' | 'full' | 'too_large' | 'overtaken' {
  const { memory } = rt.shared
  if (memory === undefined) return 'stored'
  const pending = rt.pendings.open(key)
  const now = rt.clock.now()
  const entry = localEntry(
    rt,
    key,
    policy,
    parts,
    { value: parts.value, loadMark: 0, startedAt: now },
    capturedHere(rt, key, policy),
    tags,
  )
  const outcome = admitToL1(rt.fence, memory, entry, pending)
  rt.pendings.close(pending)
  return outcome
}
