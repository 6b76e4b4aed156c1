import {
  AwaitedRead,
  type FoundEntry,
  type KeptOn,
  type ServerState,
  show,
  type TagToken,
} from '../contracts.ts'
import { matchCells, matchToken } from '../invalidation/fence.ts'
import type { Policy } from '../policy.ts'
import type { L2Link } from '../runtime/l2-link.ts'
import type { Runtime } from '../runtime/runtime.ts'

/** A tag of an entry against its current token. */
export interface TagExplanation {
  readonly tag: string
  readonly state: 'current' | 'expired' | 'invalidated'
}

/** An entry on one tier. */
export interface TierExplanation {
  readonly present: boolean
  /** Of L2: the address of the server that the key goes to now. */
  readonly server?: string
  /** The address of the key's own server, while that is not used and another one takes its loads. */
  readonly standsInFor?: string
  /** One sentence: what a read would make of it, and why. */
  readonly verdict: string
  readonly ageMs?: number
  /** Until stale; negative: since. */
  readonly freshMs?: number
  readonly keepMs?: number
  readonly bytes?: number
  readonly tags?: readonly TagExplanation[]
}

export interface Explanation {
  readonly key: string
  readonly namespace: string
  readonly l1: TierExplanation
  readonly l2: TierExplanation
  /** A load of it is under way in this process. */
  readonly loading: boolean
}

/** Looks at every tier without changing anything in them. */
export async function explain(rt: Runtime, key: string, policy: Policy): Promise<Explanation> {
  const loading = rt.flights.open(key) !== undefined
  return { key, namespace: rt.name, l1: explainL1(rt, key), l2: await explainL2(rt, key, policy), loading }
}

function explainL1(rt: Runtime, key: string): TierExplanation {
  const { memory, mode, maxStaleMs } = rt.shared
  if (memory === undefined) return { present: false, verdict: 'L1 is off' }
  const entry = memory.peek(rt.prefix + key)
  if (entry === undefined) return { present: false, verdict: 'absent' }
  const now = rt.clock.now()
  const match = matchCells(entry)
  const verified =
    rt.link === undefined || entry.local || mode === 'none' || rt.link.verifiedWithin(maxStaleMs, now)
  const verdict =
    match === 'gone'
      ? 'invalidated: a read drops it'
      : rt.link !== undefined && entry.generation !== rt.link.generation
        ? `unverified: ${mode === 'bus' ? 'something may have been missed' : 'the connection changed'} since it was read`
        : match === 'unknown' || now >= entry.l1Until
          ? 'to be verified: a read asks L2'
          : match === 'soft' || now >= entry.staleAt
            ? 'stale'
            : verified
              ? 'fresh'
              : mode === 'bus'
                ? 'unverified: the bus has not been heard of within maxStale'
                : 'fresh, to be verified by a barrier'
  return {
    present: true,
    verdict,
    ageMs: now - entry.createdAt,
    freshMs: entry.staleAt - now,
    keepMs: entry.forgetAt - now,
    bytes: entry.weightBytes,
    tags: entry.cells.slice(1).map((cell, i) => {
      const current = entry.local ? cell.local : cell.token
      return { tag: cell.name, state: tagState(entry.tokens[i + 1] ?? '', current) }
    }),
  }
}

async function explainL2(rt: Runtime, key: string, policy: Policy): Promise<TierExplanation> {
  const { link } = rt
  if (link === undefined) return { present: false, verdict: 'there is no L2' }
  await link.opening
  const { whole } = link
  const kept: KeptOn = link.serverOf(key) ?? whole
  const server = kept.address
  if (kept.state !== 'used') return { present: false, server, verdict: notUsed(kept) }
  if (!link.usable) return { present: false, server, verdict: notUsed(whole) }
  const found = await explainStored(rt, link, key, policy)
  const { standsInFor } = kept
  if (standsInFor === undefined) return { ...found, server }
  const verdict = `${found.verdict}, on a stand-in for ${standsInFor}, which is not used`
  return { ...found, server, standsInFor, verdict }
}

function notUsed({ state, owed }: ServerState): string {
  const away = state === 'away' ? 'it is away' : 'another list of servers is, or may be, in use'
  const owing = `${owed} ${owed === 1 ? 'invalidation is' : 'invalidations are'} owed to it`
  return `not used: ${state === 'owed' ? owing : owed === 0 ? away : `${away}, and ${owing}`}`
}

async function explainStored(
  rt: Runtime,
  link: L2Link,
  key: string,
  policy: Policy,
): Promise<TierExplanation> {
  try {
    const by = rt.clock.now() + rt.shared.l2TimeoutMs
    const read = new AwaitedRead(key, { tags: policy.tags })
    link.ops.read(read, by)
    const { found } = await read.reply
    if (found?.readable !== true) return unreadable(found)
    const tokens = await link.ops.tokens(
      key,
      found.tags.map((tag) => tag.name),
      undefined,
      by,
    )
    const tags = found.tags.map((tag) => ({
      tag: tag.name,
      state: tagState(tag.token, tokens.tags.get(tag.name)),
    }))
    const bad = tags.find((tag) => tag.state === 'invalidated')
    const verdict =
      found.namespaceToken !== tokens.namespace
        ? 'invalidated: the namespace was cleared since it was stored'
        : bad !== undefined
          ? `invalidated: tag ${show(bad.tag)}`
          : found.freshMs <= 0 || tags.some((tag) => tag.state === 'expired')
            ? 'stale'
            : 'fresh'
    const { ageMs, freshMs, keepMs, payload } = found
    return { present: true, verdict, ageMs, freshMs, keepMs, bytes: payload.byteLength, tags }
  } catch (error) {
    return { present: false, verdict: `not read: ${error instanceof Error ? error.message : String(error)}` }
  }
}

function unreadable(found: FoundEntry): TierExplanation {
  if (found === undefined) return { present: false, verdict: 'absent' }
  return {
    present: true,
    verdict: found.readable ? 'fresh' : `unreadable: ${found.reason}; the next fill overwrites it`,
  }
}

function tagState(captured: TagToken, current: TagToken | undefined): TagExplanation['state'] {
  const match = matchToken(captured, current)
  return match === 'same' ? 'current' : match === 'soft' ? 'expired' : 'invalidated'
}
