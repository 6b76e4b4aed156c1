import type { Bus, Clock, StoreDefinition } from './contracts.ts'
import type { ByteSize, Duration } from './duration.ts'
import type { CacheEvent } from './events.ts'

/** What a cached object is to its readers; see docs of `CacheOptions.isolation`. */
export type Isolation = 'freeze' | 'clone' | 'share'

/** A class of yours that values may hold. `encode` answers plain data, `decode` makes the instance again. */
export interface NamedType<T = unknown> {
  /** Written with every instance: never change it while entries live. */
  readonly name: string
  is(value: unknown): value is T
  encode(value: T): unknown
  decode(plain: unknown): T
}

/**
 * Wraps the bytes of every value in L2: encryption, compression. Synchronous; a throw on decode is a miss. What `decode`
 * is given is used again when it has returned: copy what is to be kept.
 */
export interface CodecWrap {
  /** Written with every entry, 1..126 (127 is compression()'s): entries of another id are misses. */
  readonly id: number
  encode(bytes: Uint8Array): Uint8Array
  decode(bytes: Uint8Array): Uint8Array
}

/** The part of Standard Schema v1 (standardschema.dev) that is used: zod, valibot, arktype and others have it. */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
  }
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** How L1 keeps up with changes made elsewhere, by what L2 tells of them; the README compares them. 'bus' needs a bus. */
export type L1Mode = 'strong' | 'tracked' | 'none'

/** What leaves L1 when it is full. 'none' refuses new values instead. */
export type EvictionPolicyName = 'lru' | 'lfu' | 'ttl' | 'random' | 'none'

export type L1Options = L1Bounds & L1Upkeep

/** How much L1 holds, and for how long without being told. */
export interface L1Bounds {
  /** Default 10,000. */
  readonly maxEntries?: number
  /** Estimated heap of the values. Default '64mb'. */
  readonly maxBytes?: ByteSize
  /** Default 'lru'. */
  readonly policy?: EvictionPolicyName
  /**
   * Δ: no fresh answer from L1 is older than this after an acknowledged invalidation elsewhere. At least '10ms'. Default
   * '1s'.
   */
  readonly maxStale?: Duration
}

export type L1Upkeep =
  | {
      /** Default 'tracked' where L2 can push, else 'none'. Without L2 there is nothing to keep up with. */
      readonly mode?: L1Mode
      readonly bus?: undefined
    }
  | {
      /** Over an L2 that cannot push. Every process of the cache has to say so, with the same bus and `maxStale`. */
      readonly mode: 'bus'
      /** Carries word of what other processes invalidate and write. */
      readonly bus: Bus
    }

/** A life that may differ by tier: L1's is at most L2's, and is cut to it. */
export type TieredDuration = Duration | { readonly l1: Duration; readonly l2: Duration }

/**
 * Tags of an entry: a list, or derived from the loaded value (which is never undefined, as that is not cached). At most
 * 64, each at most 512 characters.
 */
export type TagsOption<T> = readonly string[] | ((value: Exclude<T, undefined>) => readonly string[])

/** What may be said per call; createCache takes the first eight as defaults. */
export interface EntryOptions<T = unknown> {
  /** Fresh for this long. Default '5m'. */
  readonly ttl?: TieredDuration
  /** After ttl: the stale value is answered at once while one load refreshes it. Default false. */
  readonly swr?: Duration | false
  /**
   * After ttl: the stale value is answered where a load fails. A failed load is tried again after 1 s, doubled to 30 s,
   * less up to half. Default false.
   */
  readonly staleIfError?: Duration | false
  /** Life of a null; null is otherwise a value like any other. Default false. */
  readonly negativeTtl?: Duration | false
  /** Share of ttl, 0..1, by which a life is shortened at random. Default 0.1. */
  readonly jitter?: number
  /**
   * XFetch's beta: a hot entry is refreshed before it expires, the likelier the nearer the end and the slower the
   * load. Default 0 (off); 1 is the usual choice. Source: Vattani et al., VLDB 2015.
   */
  readonly earlyRefresh?: number
  /** A load slower than this is left running, and a stale value within staleIfError is answered. Default false. */
  readonly softTimeout?: Duration | false
  /**
   * A load slower than this fails with `loader_timeout`, and its signal fires; plus as long again where it waits for a
   * place (maxConcurrentLoads). At most 60 s. Default '60s'.
   */
  readonly hardTimeout?: Duration
  readonly tags?: TagsOption<T>
  /** Ends this caller's wait. The loader's own signal fires when its last waiter has left. */
  readonly signal?: AbortSignal
  /** 'strong': this read is exact whatever the L1 mode, for one small round trip. */
  readonly consistency?: 'strong'
  /** Checks what a loader gave and what L2 holds; its output is the value. A wrong shape in L2 is a miss. */
  readonly validate?: StandardSchema<T>
}

/** Where log lines go: console, pino and winston fit. */
export interface Logger {
  info(message: string): void
  warn(message: string): void
}

export interface CacheOptions
  extends Pick<
    EntryOptions,
    'ttl' | 'swr' | 'staleIfError' | 'negativeTtl' | 'jitter' | 'earlyRefresh' | 'softTimeout' | 'hardTimeout'
  > {
  /** The namespace in L2 and the label in metrics. */
  readonly name: string
  /** The in-process tier; false turns it off. */
  readonly l1?: L1Options | false | undefined
  /** The shared tier, e.g. `redis('redis://…')`. Leave out: one process, no server. */
  readonly l2?: StoreDefinition | undefined
  /** One budget per call for all its waits on L2. Default '250ms'. */
  readonly l2Timeout?: Duration
  /**
   * Loaders that run at once, per cache and process; a bulk load counts as one. Further loads wait in turn (refreshes
   * behind a stale value are left out instead), at most 10,000 of them: then, and after hardTimeout, `overloaded`.
   * A load inside of a loader does not wait, and where none has ended for a second one more is let in: loads may wait for
   * each other unseen. Default 256.
   */
  readonly maxConcurrentLoads?: number
  /**
   * Largest encoded value in L2. A larger one that was loaded is answered and kept on no tier, with the event
   * `value_too_large`; `set` rejects with that code. Without L2 there is no such bound. At most '63mb' with Redis; a
   * Memcached has a bound of its own (-I): what only that refuses is told alike, a load of it is kept in L1 for maxStale,
   * and a `set` of it removes the value before it. Default '1mb'.
   */
  readonly maxValueBytes?: ByteSize
  /**
   * 'freeze' (default): one shared object, deeply frozen. 'clone': a copy per hit. 'share': the object as it is,
   * and whoever changes it changes it for all.
   */
  readonly isolation?: Isolation
  /** Classes of yours that values may hold. */
  readonly types?: readonly NamedType[]
  /** Wraps the bytes in L2. */
  readonly codec?: CodecWrap | undefined
  /** Default: warnings as process warnings, nothing else. */
  readonly logger?: Logger | undefined
  /**
   * Told of each read, load, invalidation and trouble, at once, by the call that it happens in: keep it short. What it
   * throws or rejects with is counted (`stats().hookErrors`), told of once, and harms nothing. Of calls that it makes
   * itself it is not told. Default: none, and no event is made.
   */
  readonly onEvent?: ((event: CacheEvent) => void) | undefined
  /** For tests and the simulator; not a hook: calls fail with what it throws. */
  readonly clock?: Clock
}
