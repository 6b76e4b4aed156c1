import type { TagToken } from '../contracts.ts'
import { admitToL1, matchCells } from '../invalidation/fence.ts'
import type { PendingRead } from '../invalidation/pending-reads.ts'
import { invalidationsOf, type TagCell } from '../invalidation/tag-cells.ts'
import type { Policy } from '../policy.ts'
import type { CachedValue } from '../runtime/cached-value.ts'
import type { LoadFlight, LoadOutcome } from '../runtime/load-outcome.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Loaded } from './load-job.ts'
import { flagsOf, jitteredLife, tagsOf } from './make-entry.ts'
import { sealParts, type ValueParts } from './value.ts'

/** What this process captures before a load that only it will keep. */
export interface CapturedHere {
  readonly epoch: string
  readonly generation: number
  readonly tokens: ReadonlyMap<TagCell, TagToken>
}

/** Captures the local tokens of the namespace, of the given tags, and of those that the key carried last. */
export function captureHere(rt: Runtime, key: string, policy: Policy): CapturedHere {
  const cells = rt.cells.home.of([...policy.tags, ...rt.tagHints(key)])
  return {
    epoch: rt.localEpoch,
    generation: rt.link?.generation ?? 0,
    tokens: new Map(cells.map((cell) => [cell, rt.cells.home.local(cell)])),
  }
}

/**
 * Settles a load that L2 has no part in: there is none, or it cannot be used. L1 keeps the value if nothing overtook
 * it; `pending` undefined: it must not. With an L2, callers share it up to the load's own start only (rule L).
 */
export function keepHere(
  rt: Runtime,
  flight: LoadFlight,
  policy: Policy,
  captured: CapturedHere,
  loaded: Loaded,
  pending: PendingRead | undefined,
): LoadOutcome {
  const { key } = flight
  const { value, loadMark } = loaded
  const mayShare = !flight.voided && rt.link === undefined
  if (value === undefined) {
    // No value is an answer too: what was captured must still hold. Tags that a row would have had are not known.
    const held = policy.deriveTags === undefined || rt.fence.epochHeld(captured.epoch, rt.localEpoch)
    const same = held && [...captured.tokens].every(([cell, token]) => cell.local === token)
    return { kind: 'nothing', sharedUpTo: mayShare && same ? rt.mark() : loadMark }
  }
  const tags = tagsOf(policy, value)
  const parts = sealParts(rt, key, value, tags.length, 'loaded')
  const entry = localEntry(rt, key, policy, parts, loaded, captured, tags)
  const proven = !flight.voided && matchCells(entry) === 'same'
  if (!proven) {
    rt.rememberTags(key, tags)
    rt.recorder.counters.refusedFills++
  }
  const { memory, mode } = rt.shared
  const mayKeep = pending !== undefined && (rt.link === undefined || mode !== 'strong')
  if (mayKeep && proven && memory !== undefined) admitToL1(rt.fence, memory, entry, pending)
  return { kind: 'value', entry, sharedUpTo: mayShare && proven ? rt.mark() : loadMark }
}

/** Puts a value into L1 by the word of `set`, where there is no L2. */
export function setHere(
  rt: Runtime,
  key: string,
  parts: ValueParts,
  tags: readonly string[],
  policy: Policy,
): 'stored' | 'full' | 'too_large' | 'overtaken' | 'no_tier' {
  const { memory } = rt.shared
  if (memory === undefined) return 'no_tier'
  const pending = rt.pendings.open(key)
  const loaded = { value: parts.value, loadMark: 0, startedAt: rt.clock.now() }
  const entry = localEntry(rt, key, policy, parts, loaded, captureHere(rt, key, policy), tags)
  const outcome = admitToL1(rt.fence, memory, entry, pending)
  rt.pendings.close(pending)
  return outcome
}

/** An entry that only this process holds: for its whole life without L2, else until the load's start + Δ. */
export function localEntry(
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
  const cells = rt.cells.home.of(tags)
  const ttlMs = alone ? Math.min(life.ttlMs, policy.l1TtlMs) : life.ttlMs
  const id = rt.clock.token()
  return {
    key: rt.prefix + key,
    ...parts,
    negative: flagsOf(policy, loaded.value) !== 0,
    id,
    seen: id,
    createdAt: loaded.startedAt,
    askedAt: loaded.startedAt,
    loadMs: now - loaded.startedAt,
    staleAt: now + ttlMs,
    l1Until: alone ? Number.POSITIVE_INFINITY : loaded.startedAt + rt.shared.maxStaleMs,
    forgetAt: now + life.keepMs,
    cells,
    tokens: cells.map((cell) => lateToken(rt, cell, captured)),
    local: true,
    generation: captured.generation,
    invalidations: invalidationsOf(cells),
    unchecked: false,
  }
}

/** Rule T' in one process: a tag that was not captured counts if no tag was invalidated since. */
function lateToken(rt: Runtime, cell: TagCell, captured: CapturedHere): TagToken {
  const token = captured.tokens.get(cell)
  if (token !== undefined) return token
  return rt.fence.epochHeld(captured.epoch, rt.localEpoch) ? rt.cells.home.local(cell) : ''
}
