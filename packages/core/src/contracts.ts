/**
 * The narrow waist: what a shared tier (L2) must do. Redis, Memcached and the in-memory model of testkit
 * implement it, and one conformance suite (testkit) holds all of them to it. Meanings: docs/wire/protocol.md.
 *
 * Every operation takes `by`, the moment on `Clock.now()` at which its caller stops waiting; it then rejects
 * with `l2_timeout`, and its outcome is unknown. A store never keeps a caller longer, never queues while it
 * has no connection (`l2_unavailable` at once), and never hands one caller's reply to another.
 *
 * A store may have parts (servers), each of which keeps the keys of its own, whole: value, lease, quarantines, and
 * tokens of its own of the namespace, the epoch and the tags. A part can be away while the others are used: an operation
 * on a key of a part that is away, does not answer, or is owed an invalidation, rejects with `l2_part_away` (what was
 * sent has an unknown outcome: whoever put something then invalidates it), which counts for nothing against the others. The
 * caller loads as he does while L2 is away, and may keep what he loads in L1 for Δ. An invalidation that a part cannot
 * be told of now is 'queued': the store itself owes it, bounded (beyond the bound the part's namespace is cleared), and
 * neither reads nor fills that part until it is applied there (rule Q, part by part).
 */
import type { Clock, Token } from './clock.ts'
import type { NewEntry, StoredEntry, TagToken, UnreadableEntry } from './entry.ts'
import type { Invalidation } from './invalidation-queue.ts'

export { Breaker, type BreakerOwner, breakerIsOpen } from './breaker.ts'
export {
  type Bus,
  type BusConnection,
  type BusEnvironment,
  type BusListener,
  FRAME_BYTES_MAX,
} from './bus-contract.ts'
export type { Clock, Timer, Token } from './clock.ts'
export { systemClock } from './clock.ts'
export {
  type DecodedEntry,
  decodeEntry,
  ENTRY_FLAG_NEGATIVE,
  ENTRY_FLAG_STALE,
  type EntryName,
  encodeEntry,
  encodeEntryHead,
  expireEntry,
  hardPart,
  type NewEntry,
  type StoredEntry,
  softenedAtMs,
  softPart,
  type Tag,
  type TagToken,
  type UnreadableEntry,
} from './entry.ts'
export { CacheError, type CacheErrorCode, invalidArgument, invalidUnquoted, show } from './errors.ts'
export { type Invalidation, InvalidationQueue } from './invalidation-queue.ts'

export type FoundEntry = StoredEntry | UnreadableEntry | undefined

/** Current tokens. A name that is absent here is missing in the store, and missing means "no match". */
export interface Tokens {
  readonly namespace: Token | undefined
  /** Replaced before any tag of the namespace is invalidated (rule T'). */
  readonly epoch: Token | undefined
  readonly tags: ReadonlyMap<string, TagToken>
}

/** One read of one key, and who waits for it. */
export interface ReadRequest {
  readonly key: string
  /** Tags whose current tokens are wanted along with the value. */
  readonly tags: readonly string[]
  /** Whether the namespace token is wanted. */
  readonly namespace: boolean
  /** 'load': the caller loads on a miss, and a store that can grants him the lease with the read. */
  readonly intent: 'peek' | 'load'
  /** 'load': how long a tag's token is to live that a store mints with the read. */
  readonly tagLifeMs: number
  /** The value that this process holds, by its `seen`: a store that can tells `unchanged` where it is still that one. */
  readonly known?: string | undefined
  /** Set by the store to true in the moment before the request's bytes are handed to the socket. */
  written: boolean
  /**
   * The reply. Called synchronously and in the order of the wire: behind every push that was sent before it, ahead of
   * every one sent after it (rule P: what it puts into L1, a later push removes). The epoch is not among the tokens.
   * The payload's memory is used again as soon as the call returns.
   */
  answered(found: FoundEntry, tokens: Tokens): void
  /** In place of `answered`: the value is the one that is known, and is not sent again. */
  unchanged?(tokens: Tokens): void
  /** There will be no reply. Exactly one of them is called, once; none throws. */
  failed(error: unknown): void
}

/** A read whose reply is awaited: for whoever does not mind that it is handled later than it came. */
export class AwaitedRead implements ReadRequest {
  readonly key: string
  readonly tags: readonly string[]
  readonly namespace: boolean
  readonly intent: ReadRequest['intent']
  readonly tagLifeMs: number
  readonly known: string | undefined
  readonly reply: Promise<{ readonly found: FoundEntry; readonly tokens: Tokens }>
  /** The reply was that what is known has not changed. */
  isUnchanged = false
  written = false
  readonly answered: (found: FoundEntry, tokens: Tokens) => void
  readonly unchanged: (tokens: Tokens) => void
  readonly failed: (error: unknown) => void

  constructor(
    key: string,
    asked: Partial<Pick<ReadRequest, 'tags' | 'namespace' | 'intent' | 'tagLifeMs' | 'known'>> = {},
  ) {
    this.key = key
    this.tags = asked.tags ?? []
    this.namespace = asked.namespace ?? true
    this.intent = asked.intent ?? 'peek'
    this.tagLifeMs = asked.tagLifeMs ?? 60_000
    this.known = asked.known
    const { promise, resolve, reject } = Promise.withResolvers<{ found: FoundEntry; tokens: Tokens }>()
    this.reply = promise
    this.answered = (found, tokens) => {
      const payload = found?.readable === true ? Uint8Array.from(found.payload) : undefined
      resolve({ found: found?.readable && payload !== undefined ? { ...found, payload } : found, tokens })
    }
    this.unchanged = (tokens) => {
      this.isUnchanged = true
      resolve({ found: undefined, tokens })
    }
    this.failed = reject
  }
}

export interface AcquireRequest {
  readonly key: string
  /** Unique per load. */
  readonly token: Token
  readonly leaseMs: number
  /** What the caller's own read found and could not use, or its id; any other value found now is handed back. */
  readonly seen: string | undefined
  /** Tokens of these tags, of the namespace and of the epoch are captured in the same trip, minted where missing. */
  readonly tags: readonly string[]
  /** Life given to tokens that are minted now. */
  readonly tagLifeMs: number
}

export type Acquired =
  /** `tokens` may be those of the read that won the lease. */
  | { readonly state: 'won'; readonly tokens: Tokens }
  | { readonly state: 'quarantined'; readonly tokens: Tokens }
  /** `holder`: names the lease that is in the way, as long as it lasts, if the store can tell: another one is another load. */
  | { readonly state: 'busy'; readonly holder?: Token | undefined; readonly tokens: Tokens }
  | { readonly state: 'found'; readonly entry: StoredEntry | UnreadableEntry; readonly tokens: Tokens }

export interface FillRequest {
  readonly key: string
  readonly token: Token
  readonly entry: NewEntry
}

export interface Filled {
  /** False: the lease was lost (invalidated, expired, connection changed) or a quarantine is live; nothing was stored. */
  readonly stored: boolean
  /** The entry's tags, the namespace and the epoch, read again after the fill in the same trip. */
  readonly tokens: Tokens
}

export interface PutRequest {
  readonly key: string
  /** `namespaceToken` and `tags` are filled in by the store, in the same trip. */
  readonly entry: Omit<NewEntry, 'namespaceToken' | 'tags'>
  readonly tags: readonly string[]
  readonly tagLifeMs: number
}

/** How far an invalidation has come: 'queued': a part that is away is owed it, and not used before it has it. */
export type Reached = 'applied' | 'queued'

export interface PutReply {
  /** 'older': a versioned put found the same or a newer version, or none (it then voids the lease and stores nothing). */
  readonly outcome: 'stored' | 'older' | 'quarantined'
  readonly tokens: Tokens
  /** 'queued': a part that may hold an older value of the key (a gutter) is away. Absent: 'applied'. */
  readonly reached?: Reached
}

/** Keys and tags that one write touches. */
export interface Names {
  readonly keys: readonly string[]
  readonly tags: readonly string[]
}

/** Facts of the server, for stats, explain and the doctor. Unknown ones are undefined. Of several servers: their sums. */
export interface StoreFacts {
  readonly server: string
  readonly version: string
  readonly usedBytes: number | undefined
  readonly maxBytes: number | undefined
  readonly evictionPolicy: string | undefined
  readonly evictedKeys: number | undefined
  readonly keys: number | undefined
  /** Where there is more than one, or the one is there and not used. */
  readonly servers?: readonly ServerFacts[]
}

/** One server of a shared tier, as it stands now. */
export interface ServerState {
  /** What to print of it: no credentials. */
  readonly address: string
  /**
   * Why the keys of a server are not read and filled now. 'waiting': it is there, and not used before nobody can be
   * using another list of servers. 'displaced': others use another list.
   */
  readonly state: 'used' | 'away' | 'owed' | 'waiting' | 'displaced'
  /** It is not in the list: it stands in for servers that are away. */
  readonly role?: 'gutter' | undefined
  /** Names (and clears) of which it has not been told yet. */
  readonly owed: number
  /** Why it is away, where that is known: without credentials. */
  readonly cause?: Error | undefined
}

/** Where a key is kept now. */
export interface KeptOn extends ServerState {
  /** The address of the key's own server, where that is not used and another one takes its loads. */
  readonly standsInFor?: string | undefined
}

/** Facts of one server of several. */
export interface ServerFacts extends ServerState {
  /** undefined: it does not answer. */
  readonly facts: StoreFacts | undefined
}

/** What a store can and cannot do, declared, so that shared code never asks which store it is. */
export interface StoreCapabilities {
  /** Tells of every change to a name this process has read, in wire order with replies: L1 'tracked' and 'strong'. */
  readonly push: boolean
  /** Shortest lease it can grant. */
  readonly leaseMinMs: number
  /** By how much a lease that is not renewed may outlive what was asked for. Default 0. */
  readonly leaseLateMs?: number
  /** By how much the quarantine of a writer that died may outlive what was asked for. Default 0. */
  readonly quarantineLateMs?: number
  /** Why a missing capability is missing, for the docs and the errors. */
  readonly lacks: Readonly<Record<string, string>>
}

/**
 * Callbacks of one namespace. They are called synchronously, in the order of the wire: a push that the server
 * sent before a reply is delivered before that reply's promise settles.
 */
export interface StoreWatcher {
  /** The value of this key may have changed, expired or gone. */
  keyChanged(key: string): void
  /** The lease of this key was granted, renewed, released or voided. */
  leaseChanged(key: string): void
  /** This tag's token was replaced or is gone. */
  tagChanged(tag: string): void
  /** The namespace token was replaced or is gone. */
  namespaceChanged(): void
  /** Anything may have changed (FLUSHALL). */
  everythingChanged(): void
  /** A connection is ready for use; whatever was held from an earlier one is unverified. */
  connected(facts: { readonly server: string; readonly version: string; readonly generation: number }): void
  /** The connection is gone, and with it every push. */
  lost(): void
  /** Everything the server did before `sentAtMs` (on Clock.now()) has been delivered. */
  verified(sentAtMs: number): void
  /** Up to `max` tags whose tokens are held here, in turn: a store under LRU keeps them warm. */
  heldTags?(max: number): readonly string[]
  /** `servers` may have changed. */
  serversChanged?(): void
}

/**
 * The operations on one namespace. One round trip each unless said otherwise. `read`, the one that a cache lives on,
 * answers its request; the others answer by a promise.
 */
export interface NamespaceStore {
  /**
   * The part that an operation on this key goes to now: a whole number from 0, small. Absent: there is only one. It may
   * change whenever the store's state does.
   */
  readonly part?: ((key: string) => number) | undefined
  /** Names (and clears) that parts of this store have not been told of yet: one that two are owed counts twice. */
  readonly owed?: number
  /** How its servers stand now. Absent or undefined: there is only one, used or away, or none is known. */
  readonly servers?: readonly ServerState[] | undefined
  /** Beside `servers`: the one that an operation on this key goes to now; undefined: none is known. */
  readonly serverOf?: ((key: string) => KeptOn | undefined) | undefined
  read(request: ReadRequest, by: number): void
  /**
   * The current tokens of these tags, the namespace and the epoch, where this key is kept; `mintLifeMs` mints those that
   * are missing.
   */
  tokens(key: string, tags: readonly string[], mintLifeMs: number | undefined, by: number): Promise<Tokens>
  acquire(request: AcquireRequest, by: number): Promise<Acquired>
  /** Extends a live lease of this token; false: it is no longer held. */
  renew(key: string, token: Token, leaseMs: number, by: number): Promise<boolean>
  fill(request: FillRequest, by: number): Promise<Filled>
  /** Gives a lease back and wakes its waiters; says whether it was still live. */
  release(key: string, token: Token, by: number): Promise<boolean>
  /** Removes values and voids leases. Works when the server's memory is full. */
  invalidate(keys: readonly string[], by: number): Promise<Reached>
  /** Replaces (or removes) the epoch, then or with it the tokens. At most two commands a part. */
  invalidateTags(tags: readonly string[], by: number): Promise<Reached>
  /** Marks values stale and voids leases. */
  expire(keys: readonly string[], by: number): Promise<Reached>
  /** Replaces soft tokens: entries become stale. A missing tag, or no memory, is a hard invalidation. */
  expireTags(tags: readonly string[], by: number): Promise<Reached>
  /** Replaces the namespace token: every entry of the namespace is absent. */
  clear(by: number): Promise<Reached>
  /** Stores unconditionally, or by version; refused by the server after `by`; voids the lease. */
  put(request: PutRequest, by: number): Promise<PutReply>
  /**
   * Invalidates these names, and while a live quarantine of any token is there, refuses acquire, fill and put of them:
   * a writer that dies leaves nothing old behind. Also renews. Rejects unless every part that may hold them has it.
   */
  quarantine(names: Names, token: Token, lifeMs: number, by: number): Promise<void>
  /** Removes only this token's quarantine. */
  unquarantine(names: Names, token: Token, by: number): Promise<void>
  close(): void
}

/** Sends one invalidation. */
export function applyInvalidation(
  store: NamespaceStore,
  invalidation: Invalidation,
  by: number,
): Promise<Reached> {
  switch (invalidation.kind) {
    case 'keys':
      return store.invalidate(invalidation.names, by)
    case 'expire-keys':
      return store.expire(invalidation.names, by)
    case 'tags':
      return store.invalidateTags(invalidation.names, by)
    case 'expire-tags':
      return store.expireTags(invalidation.names, by)
    case 'clear':
      return store.clear(by)
  }
}

/** A shared tier in use: one connection (or pool) that serves the namespaces opened on it. */
export interface Store {
  readonly capabilities: StoreCapabilities
  /** What to print of it: no credentials. */
  readonly address: string
  /**
   * Opens a namespace, once per name. Where the connection is already up, `watcher.connected` is called as soon as rule R
   * was applied to it.
   */
  namespace(name: string, watcher: StoreWatcher): NamespaceStore
  /** Everything that the server did before this call has been delivered to the watchers when it resolves. */
  barrier(by: number): Promise<void>
  /** True while commands can be sent. */
  readonly online: boolean
  /** Why it is not connected, where it is one server and that is known: without credentials. */
  readonly lastError?: Error | undefined
  inspect(by: number): Promise<StoreFacts>
  close(): Promise<void>
}

/** What a cache hands to its store. */
export interface StoreEnvironment {
  readonly clock: Clock
  readonly cacheName: string
  /**
   * Which changes are to be pushed, by a store that can: of everything that was read ('values': L1 modes 'tracked' and
   * 'strong'), or of tokens alone, which then need not be read with every value.
   */
  readonly tracking: 'values' | 'tokens'
  /** Time between heartbeats; a third of the staleness bound Δ. */
  readonly heartbeatMs: number
  /** How long a call waits for L2 at most: one that was given less, and got no answer, says nothing of the server. */
  readonly l2TimeoutMs: number
  /** Largest value that is written or read on the main lane. */
  readonly maxValueBytes: number
  /**
   * Background trouble and changes of state (a server is lost, and why; it answers again), one line each, without
   * credentials; the cache puts its name before it.
   */
  log(level: 'info' | 'warn', message: string): void
}

/** What a user passes as `l2`: made by `redis(url)`, `memory()`, …; opened by createCache, which then owns it. */
export interface StoreDefinition {
  open(environment: StoreEnvironment): Store
}
