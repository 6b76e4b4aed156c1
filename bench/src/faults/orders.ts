/** How a loader fails. `throws at once`: before it gives a promise. */
export type Failure = 'throws' | 'throws text' | 'throws at once' | 'hangs'

/** What the database holds, and how it behaves, from now on and for one process. */
export interface SourceState {
  readonly version: string
  readonly loadMs: number
  readonly failure?: Failure
}

/** What a row needs of a cache beyond its usual settings. */
export interface CacheSettings {
  readonly ttlMs: number
  /** Loaders slower than this are to fail, where the library can do that. */
  readonly loaderTimeoutMs?: number
  /** Whether processes tell each other of deletes, where the library has a bus for that. */
  readonly hasBus: boolean
}

/** What a node is told to do. */
export type Order =
  | {
      readonly do: 'open'
      readonly contender: string
      readonly url: string
      readonly settings: CacheSettings
    }
  | { readonly do: 'load from'; readonly source: SourceState }
  | ({ readonly do: 'call' } & CallOrder)
  | { readonly do: 'delete'; readonly keys: readonly string[]; readonly waitMs: number }
  | { readonly do: 'tell' }

/** getOrSet of these keys, all at once, or each when the one before has answered. */
export interface CallOrder {
  readonly keys: readonly string[]
  readonly isInTurn: boolean
  /** The longest that each call is waited for. */
  readonly waitMs: number
  /** Between calls in turn. Default 0: none. */
  readonly pauseMs?: number
  /** Calls in turn end with the one that is under way then. Default: with the last key. */
  readonly forMs?: number
}

/** How one call went. Without version, error or isGivenUp: it answered nothing. */
export interface Answer {
  readonly key: string
  readonly ms: number
  /** Of the row that was answered, if it is the key's. */
  readonly version?: string
  readonly error?: string
  /** Whether the error is the very one that the loader threw, or names it as its cause. */
  readonly isOriginalError?: boolean
  /** There was no answer within `waitMs`. */
  readonly isGivenUp?: boolean
  /** When the loader was called, from the start of the call. */
  readonly loadAfterMs?: number
}

/** What a node can say of itself at any time. */
export interface NodeFacts {
  /** Loader calls so far. */
  readonly loads: number
  /** Trouble that the library told of: errors of its events, its logger or its handlers. */
  readonly told: number
  readonly rssBytes: number
}

export interface OrderMessage {
  readonly id: number
  readonly order: Order
}

export interface Reply {
  readonly id: number
  readonly answers: readonly Answer[]
  readonly facts: NodeFacts
  /** Why the order could not be followed: a fault of this driver, or a constructor that threw. */
  readonly failure?: string
}

export function isOrderMessage(message: unknown): message is OrderMessage {
  return typeof message === 'object' && message !== null && 'id' in message && 'order' in message
}

export function isReply(message: unknown): message is Reply {
  return typeof message === 'object' && message !== null && 'id' in message && 'facts' in message
}
