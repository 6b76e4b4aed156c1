/**
 * The rules of the race-free protocol, and the one way of a value into a tier. Each rule is one predicate with the
 * letter it has in docs/wire/protocol.md; the race checks replace one at a time by "always" and must then fail.
 */
import {
  type FillRequest,
  hardPart,
  type NamespaceStore,
  type Tag,
  type TagToken,
  type Token,
  type Tokens,
} from '../contracts.ts'
import type { PendingRead } from './pending-reads.ts'
import { type CellWatch, invalidationsOf, type TagCell } from './tag-cells.ts'

/** How an entry's captured tokens stand to the current ones. */
export type TokenMatch = 'same' | 'soft' | 'gone' | 'unknown'

export interface Fence {
  /** J: a call may join a running flight until its FILL (or RELEASE) is written. */
  mayJoin(flight: { readonly closed: boolean }): boolean
  /**
   * J and L: a call may take what the flight proved up to `sharedUpTo`: the FILL's mark if it was accepted with equal
   * tags, else the mark of the load's own start. Marks and calls are numbered by one counter.
   */
  mayShare(sharedUpTo: number, callMark: number): boolean
  /** L: a call that may not share waits for the one follow-up load. */
  mayFollow(running: number): boolean
  /** P: only a read that no push has killed goes into L1, and not over what was asked for after it. */
  mayAdmit(pending: PendingRead, isOvertaken: boolean): boolean
  /** T: the fill counts only if the tokens read again after it are those captured before the load. */
  sameTokens(captured: Captured, now: Tokens): boolean
  /** T': tokens read after the load are as good as captured ones if the namespace's tag epoch has not moved. */
  epochHeld(before: Token | undefined, after: Token | undefined): boolean
  /** Q: L2 is neither read nor filled while an invalidation is owed to it. */
  mayUse(owed: number): boolean
  /** S: a stale fallback belongs to the call whose own READ returned it, never to the flight. */
  fallback<T>(own: T | undefined, flights: T | undefined): T | undefined
}

/** Tokens as they were captured before a load. */
export interface Captured {
  readonly namespace: Token
  readonly epoch: Token
  readonly tags: ReadonlyMap<string, TagToken>
}

/** At most two loads of one key run in one process: the one that was overtaken, and its follow-up. */
const LOADS_PER_KEY_MAX = 2

export const fence: Fence = {
  mayJoin: (flight) => !flight.closed,
  mayShare: (sharedUpTo, callMark) => sharedUpTo >= callMark,
  mayFollow: (running) => running < LOADS_PER_KEY_MAX,
  mayAdmit: (pending, isOvertaken) => pending.alive && !isOvertaken,
  sameTokens(captured, now) {
    if (now.namespace !== captured.namespace) return false
    for (const [tag, token] of captured.tags) if (now.tags.get(tag) !== token) return false
    return true
  },
  epochHeld: (before, after) => before !== undefined && before === after,
  mayUse: (owed) => owed === 0,
  fallback: (own) => own,
}

/** Compares one token: hard parts differ or are missing: gone; only soft parts differ: soft. */
export function matchToken(captured: TagToken, current: TagToken | undefined): TokenMatch {
  if (captured === current) return 'same'
  if (current === undefined) return 'gone'
  return hardPart(captured) === hardPart(current) ? 'soft' : 'gone'
}

/** The tokens as a reader knows them now: from its reply, else from the cells it holds. */
export interface KnownTokens {
  readonly namespace: Token | undefined
  /** undefined: missing in L2; 'unasked': not known. */
  tag(name: string): TagToken | undefined | 'unasked'
}

/** How an entry that L2 holds stands to the current tokens. 'unknown': some tag's token must still be read. */
export function matchEntry(
  entry: { readonly namespaceToken: Token; readonly tags: readonly Tag[] },
  known: KnownTokens,
): TokenMatch {
  let match = matchToken(entry.namespaceToken, known.namespace)
  let unasked = false
  for (const tag of entry.tags) {
    if (match === 'gone') return 'gone'
    const current = known.tag(tag.name)
    if (current === 'unasked') {
      unasked = true
      continue
    }
    const one = matchToken(tag.token, current)
    if (one !== 'same') match = one
  }
  return match !== 'gone' && unasked ? 'unknown' : match
}

/** Takes tokens from a reply into the cells, unless a push overtook the reply: a late reply is never learned. */
export function learnTokens(watch: CellWatch, tokens: Tokens): void {
  for (let i = 0; i < watch.cells.length; i++) {
    const cell = watch.cells[i]
    if (cell === undefined || cell.changes !== watch.changes[i]) continue
    // A tag's name is never empty: the empty one is the namespace's own cell.
    cell.token = cell.name === '' ? tokens.namespace : tokens.tags.get(cell.name)
  }
}

/** An entry of L1, as far as its tokens go: cells and captured tokens in the same order. */
export interface Fenced {
  readonly cells: readonly TagCell[]
  readonly tokens: readonly TagToken[]
  /** Held by this process alone: compared with the cells' local tokens. */
  readonly local: boolean
  /** `invalidationsOf(cells)` when the tokens were captured. */
  readonly invalidations: number
}

/** How an entry of L1 stands to its cells. 'unknown': a cell's token is not known now. Cost: no allocation. */
export function matchCells(entry: Fenced): TokenMatch {
  let match: TokenMatch = 'same'
  const { cells, tokens, local } = entry
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i]
    const current = local ? cell?.local : cell?.token
    if (current === tokens[i]) continue
    if (current === undefined) return local ? 'gone' : 'unknown'
    if (matchToken(tokens[i] ?? '', current) === 'gone') return 'gone'
    match = 'soft'
  }
  return match
}

/** Whether nothing that the entry carries was invalidated since: else it may not even be served as stale. */
export function neverInvalidated(entry: Fenced): boolean {
  return invalidationsOf(entry.cells) === entry.invalidations
}

/**
 * Whether what L2 holds may be older than what this process has loaded itself while L2 could not be used: unless its load
 * began when ours was over. It is loaded over then: nobody shall see a value, and an older one after it (rule P).
 */
export function mayBeOlder(
  stored: { readonly ageMs: number; readonly loadMs: number },
  now: number,
  held: { readonly createdAt: number; readonly loadMs: number },
): boolean {
  return now - stored.ageMs - stored.loadMs < held.createdAt + held.loadMs
}

/** An entry on its way into L1. */
export interface Admitted extends Fenced {
  readonly key: string
  /** When the load began, or L2 was asked, that it is the answer to. */
  readonly askedAt: number
}

/**
 * The only way into L1. 'overtaken': it may be answered to its callers, and is not kept. What was asked for before the entry
 * that is held is older, or the same: two loads of a key may end in the other order, and no push tells of either.
 */
export function admitToL1<Entry extends Admitted>(
  rules: Fence,
  memory: { peek(key: string): Entry | undefined; set(entry: Entry): 'stored' | 'full' | 'too_large' },
  entry: Entry,
  pending: PendingRead,
): 'stored' | 'full' | 'too_large' | 'overtaken' {
  const held = memory.peek(entry.key)
  if (!rules.mayAdmit(pending, held !== undefined && held.askedAt > entry.askedAt)) return 'overtaken'
  const match = matchCells(entry)
  return match === 'same' || match === 'soft' ? memory.set(entry) : 'overtaken'
}

/** The only way of a loaded value into L2. `proven`: stored, and nothing it carries was invalidated since the load began. */
export async function admitToL2(
  rules: Fence,
  store: NamespaceStore,
  request: FillRequest,
  captured: Captured,
  by: number,
): Promise<{ readonly stored: boolean; readonly proven: boolean; readonly tokens: Tokens }> {
  const filled = await store.fill(request, by)
  const carried = new Map(request.entry.tags.map((tag) => [tag.name, tag.token]))
  const same = rules.sameTokens({ ...captured, tags: carried }, filled.tokens)
  return { stored: filled.stored, proven: filled.stored && same, tokens: filled.tokens }
}
