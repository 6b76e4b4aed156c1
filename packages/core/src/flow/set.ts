import { CacheError, invalidArgument, show } from '../contracts.ts'
import { admitToL1, learnTokens } from '../invalidation/fence.ts'
import type { Policy } from '../policy.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { deleteKeys, type Invalidated } from './invalidate.ts'
import { isPartAway } from './is-part-away.ts'
import { isRefused } from './is-refused.ts'
import { setHere } from './keep-here.ts'
import { encode, flagsOf, jitteredLife, sharedEntry, tagLifeMs, tagsOf } from './make-entry.ts'
import { tellNotStored } from './tell-not-stored.ts'
import { validateBy } from './validate-by.ts'
import { sealParts, type ValueParts } from './value.ts'

/** What a write of a value answers. */
export interface Stored extends Invalidated {
  /**
   * Whether the value is kept. False where L2 did not acknowledge it ('queued'), where `write` has its key in quarantine,
   * where `version` found none or a newer one, and where there is no tier: any value before it is gone then, but for one
   * of the same or a newer version.
   */
  readonly stored: boolean
}

/**
 * Stores a value: the last one to arrive wins. It is copied (isolation 'freeze' and 'clone') and sealed; what no tier
 * can keep is refused by `unsupported_value`, naming its path. A write that L2 does not acknowledge becomes a queued
 * invalidation of the key: 'queued' then. What only the server finds too large (`value_too_large`) takes the value before
 * it along. One round trip.
 */
export async function set(
  rt: Runtime,
  key: string,
  value: unknown,
  policy: Policy,
  version?: bigint,
): Promise<Stored> {
  if (version !== undefined && rt.link === undefined) {
    throw invalidArgument(
      'version',
      'nothing: versions are compared by the shared tier, and there is none',
      version,
    )
  }
  const by = rt.clock.now() + policy.hardTimeoutMs
  const checked =
    policy.validate === undefined ? value : await validateBy(rt, key, policy.validate, value, by)
  if (rt.ended) throw new CacheError('closed', 'the cache was closed before the value was stored', { key })
  const tags = tagsOf(policy, checked)
  const parts = sealParts(rt, key, checked, tags.length, 'given')
  const body = rt.link === undefined ? undefined : encode(rt, key, parts)
  rt.flights.void(key)
  rt.dropKey(key, 'invalidated')
  if (rt.link === undefined || body === undefined) return setAlone(rt, key, parts, tags, policy)
  await rt.link.opening
  if (!rt.link.usable) return await deleteInstead(rt, key)
  return await put(rt, key, parts, body, tags, policy, version)
}

function setAlone(
  rt: Runtime,
  key: string,
  parts: ValueParts,
  tags: readonly string[],
  policy: Policy,
): Stored {
  const outcome = setHere(rt, key, parts, tags, policy)
  if (outcome === 'full') {
    throw new CacheError('l1_full', `no room in L1 for ${show(key)}: policy 'none' refuses new entries`, {
      key,
      tier: 'l1',
      retryable: true,
    })
  }
  if (outcome === 'too_large') {
    throw new CacheError('value_too_large', `the value of ${show(key)} is larger than l1.maxBytes`, {
      key,
      tier: 'l1',
    })
  }
  return { l2: 'applied', stored: outcome === 'stored' }
}

/** The value cannot be stored: at least nobody may go on reading the one before it. */
async function deleteInstead(rt: Runtime, key: string): Promise<Stored> {
  return { ...(await deleteKeys(rt, [key])), stored: false }
}

async function put(
  rt: Runtime,
  key: string,
  parts: ValueParts,
  body: { codec: number; payload: Uint8Array },
  tags: readonly string[],
  policy: Policy,
  version: bigint | undefined,
): Promise<Stored> {
  const { link } = rt
  if (link === undefined) return { l2: 'applied', stored: false }
  const pending = rt.pendings.open(key)
  const watch = rt.watchCells(rt.cellsOf(key), tags, true)
  const { generation } = link
  const life = jitteredLife(rt, policy, parts.value)
  const entry = {
    ...body,
    ...life,
    id: rt.clock.token(),
    flags: flagsOf(policy, parts.value),
    loadMs: 0,
    ...(version === undefined ? {} : { version }),
  }
  try {
    const askedAt = rt.clock.now()
    const by = askedAt + rt.shared.l2TimeoutMs
    const reply = await link.ops.put({ key, entry, tags, tagLifeMs: tagLifeMs(policy) }, by)
    // A write under quarantine (or an older version) voided the lease, and stored nothing.
    if (reply.outcome === 'quarantined') return await deleteInstead(rt, key)
    rt.flights.void(key)
    if (reply.outcome === 'older') return { l2: 'applied', stored: false }
    learnTokens(watch, reply.tokens)
    rt.supersede(key, pending)
    const { namespace } = reply.tokens
    const ended = { l2: reply.reached ?? 'applied', stored: true }
    if (namespace === undefined || rt.shared.memory === undefined || !link.usable) return ended
    const stored = {
      ...entry,
      namespaceToken: namespace,
      tags: tags.map((name) => ({ name, token: reply.tokens.tags.get(name) ?? '' })),
    }
    const entryHere = sharedEntry(rt, key, policy, stored, parts, generation, askedAt)
    admitToL1(rt.fence, rt.shared.memory, entryHere, pending)
    return ended
  } catch (error) {
    if (isPartAway(error)) return await deleteInstead(rt, key)
    const tooLarge = tellNotStored(rt, key, error)
    // Nobody may go on reading the value before it, and a late copy of this write must not stay: the caller hears
    // 'queued' even where that is done by now, because the value itself is not stored.
    rt.dropKey(key, 'invalidated')
    if (isRefused(error)) {
      await link.invalidate({ kind: 'keys', names: [key] })
      // A read of this process that overtook it may have brought the old value back.
      rt.dropKey(key, 'invalidated')
    } else link.owe({ kind: 'keys', names: [key] })
    // Never to be stored, however often it is tried: as with maxValueBytes, its caller has to know.
    if (tooLarge !== undefined) throw tooLarge
    return { l2: 'queued', stored: false }
  } finally {
    rt.pendings.close(pending)
  }
}
