import type { Token } from '../contracts.ts'

/** What was invalidated, or may have changed: these names of a namespace, or everything in it. */
export type Change =
  | { readonly kind: 'keys' | 'tags'; readonly namespace: string; readonly names: readonly string[] }
  | { readonly kind: 'namespace'; readonly namespace: string }

export type FrameKind = 'beat' | 'changes' | 'goodbye'

/** What every frame says of its publisher. */
export interface FrameHead {
  /** 8 random bytes, drawn anew by each cache of each process. */
  readonly publisher: Token
  /** Of changes: their own. Of a beat and a goodbye: that of the last changes, 0 before the first. */
  readonly number: number
  /** Of a beat: its own. Of others: that of the last beat. */
  readonly beat: number
}

// The bytes of docs/wire/bus.md.
export const MAGIC = 0x4862
export const VERSION = 1
export const KINDS: readonly FrameKind[] = ['beat', 'changes', 'goodbye']
/** Set in the byte of the kind: the frame ends with a signature. */
export const SIGNED = 0x80
export const HEAD_BYTES = 24
/** A beat says when the next one is due. */
export const BEAT_BYTES: number = HEAD_BYTES + 4
/** Numbers have 6 bytes: one a microsecond would last for nine years. */
export const NUMBER_BYTES = 6

/** A record of a frame with changes. `namespace`: those behind it are of this one. */
export type RecordKind = 'namespace' | 'key' | 'tag' | 'everything'
export const RECORDS: readonly RecordKind[] = ['namespace', 'key', 'tag', 'everything']
