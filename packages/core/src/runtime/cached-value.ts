import type { TagToken, Token } from '../contracts.ts'
import type { TagCell } from '../invalidation/tag-cells.ts'

/**
 * A value as this process holds it: what L1 keeps and what reads hand around. Moments are on Clock.now().
 * Shared and immutable but for `staleAt`, which `expire` may bring forward, and `forgetAt`.
 */
export interface CachedValue {
  /** As L1 knows it: with the namespace's prefix. */
  readonly key: string
  readonly value: unknown
  /** The wire form it needs; a copy is made by it. */
  readonly form: 'json' | 'tagged'
  readonly cloneOnHit: boolean
  readonly negative: boolean
  readonly weightBytes: number
  readonly id: Token
  /** What L2 was seen to hold: begins with the id. */
  readonly seen: string
  readonly createdAt: number
  /** When it was asked for, loaded or sent: it was true then, whatever is known since. */
  readonly askedAt: number
  readonly loadMs: number
  /** From here on stale: the end of ttl. */
  staleAt: number
  /** From here on L1 must ask L2 again, although the value may still be fresh there. */
  readonly l1Until: number
  /** Of no use to anyone from here on. */
  forgetAt: number
  /** The cells of the namespace and of each tag, and the tokens captured before the load, in the same order. */
  readonly cells: readonly TagCell[]
  readonly tokens: readonly TagToken[]
  /** Held by this process alone: there is no L2, or it could not be used. */
  readonly local: boolean
  /** The connection on which it was read or stored; another one has not verified it. */
  readonly generation: number
  /** `invalidationsOf(cells)` when the tokens were captured. */
  readonly invalidations: number
  /** Read from L2 by a call that had no schema: a call that has one asks L2 again. */
  readonly unchecked: boolean
}

// The entry and its boxed moments 250, its two arrays 112, id and key's header 56, Map and slots 40 to 130: as the heap
// shows it for entries of one number, on Node 24 (heap.server.test.ts of redis holds it to a tenth).
const OVERHEAD_BYTES = 500

/** The bytes an entry is charged in L1, beyond its value. */
export function entryWeight(key: string, valueBytes: number, tagCount: number): number {
  return OVERHEAD_BYTES + key.length * 2 + tagCount * 16 + valueBytes
}
