import type { MemcachedParts } from '@holdfast/memcached/internal'
import { type StoreMutant, storeMutants } from '@holdfast/testkit'
import type { Fence } from 'holdfast/internal'
import { awaitedReplies } from './awaited-replies.ts'

/** A rule of the protocol switched off, in the core (`fence`) or in the store. */
export interface Mutation {
  readonly fence?: Partial<Fence>
  readonly memcached?: MemcachedParts
  readonly store?: StoreMutant
}

/** By the letter of the rule. */
export const mutations: Readonly<Record<MutationName, Mutation>> = {
  F: { store: storeMutants.F },
  T: { store: storeMutants.T },
  "T'": { store: storeMutants["T'"] },
  /** The tokens read again after a fill are taken to be those captured before the load. */
  'T, in the core': { fence: { sameTokens: () => true } },
  "T', in the core": { fence: { epochHeld: () => true } },
  /** Tags that a read would mint are never missing: the server counts. */
  U: { store: storeMutants.U, memcached: { island: { choosesCas: () => false } } },
  /** Joiners take whatever the flight brings. */
  J: { fence: { mayShare: () => true } },
  /** A flight is joined after its FILL is written, and what it brings is taken. */
  'J, late joiner': { fence: { mayJoin: () => true, mayShare: () => true } },
  L: { fence: { mayFollow: () => true } },
  /** A read that a push has killed goes into L1. */
  P: { fence: { mayAdmit: () => true } },
  /** The same, and a reply is handled where an await goes on: behind the pushes of its chunk. */
  'P, awaited replies': { fence: { mayAdmit: () => true }, store: awaitedReplies },
  /** The store tells of changes later than the server did. */
  'P, late pushes': { store: storeMutants.P },
  /** A fill is sent on another connection than the one that granted its lease, whose cas the server has counted. */
  C: { memcached: { island: { mayFill: () => true, choosesCas: () => false } } },
  /** What one of several servers cannot be told now it is never told. */
  'Q, of a server': { memcached: { pool: { remembers: false } } },
  /** An invalidation goes to the key's own server, and not to the one that stands in for it elsewhere. */
  'deaf gutter': { memcached: { pool: { tellsGutter: false } } },
  S: { fence: { fallback: (own, flights) => own ?? flights } },
}

export type MutationName =
  | 'F'
  | 'T'
  | "T'"
  | 'T, in the core'
  | "T', in the core"
  | 'U'
  | 'J'
  | 'J, late joiner'
  | 'L'
  | 'P'
  | 'P, awaited replies'
  | 'P, late pushes'
  | 'S'
  | 'C'
  | 'Q, of a server'
  | 'deaf gutter'
