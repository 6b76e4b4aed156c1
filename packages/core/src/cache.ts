import { checkRequire, encodeMany, encodePairs, encodeTouched, type Touched } from './cache-arguments.ts'
import { typed } from './codec/typed.ts'
import { CacheError, type StoreFacts } from './contracts.ts'
import type { Duration } from './duration.ts'
import { durationMs } from './duration.ts'
import { invalidArgument, show } from './errors.ts'
import { allOver } from './flow/all-over.ts'
import { type Explanation, explain } from './flow/explain.ts'
import { get, getOrSet, refresh } from './flow/get-or-set.ts'
import { inSlices } from './flow/in-slices.ts'
import {
  clear,
  deleteKeys,
  expireKeys,
  expireTags,
  type Invalidated,
  type InvalidateOptions,
  invalidateTags,
  worstOf,
} from './flow/invalidate.ts'
import type { Loader } from './flow/loader.ts'
import { getOrSetMany, type ManyLoader } from './flow/many.ts'
import { mutate, type Written } from './flow/mutate.ts'
import { type Reservation, reserve } from './flow/reserve.ts'
import { type Stored, set } from './flow/set.ts'
import { answerOf } from './flow/value.ts'
import { type CacheKey, checkName, encodeKey } from './keys.ts'
import type { EntryOptions } from './options.ts'
import { checkNames, checkTags, type Policy, resolvePolicy } from './policy.ts'
import type { Runtime } from './runtime/runtime.ts'
import { type CacheStats, countServers, NO_BUS, type Tier } from './stats.ts'

/** What a read may say: everything of EntryOptions that does not concern a load. */
export type ReadOptions<T = unknown> = Pick<EntryOptions<T>, 'consistency' | 'swr' | 'validate'>

/** What a write may say; `version` stores only over an existing entry of a lower version. */
export interface SetOptions<T = unknown>
  extends Pick<
    EntryOptions<T>,
    'ttl' | 'swr' | 'staleIfError' | 'negativeTtl' | 'jitter' | 'tags' | 'validate'
  > {
  /** A counter raised in the UPDATE itself, or an LSN taken after the row lock. Needs L2. */
  readonly version?: bigint
}

/** An entry with what is known of it. */
export interface Entry<T> {
  readonly value: T
  readonly state: 'fresh' | 'stale'
  readonly ageMs: number
  readonly tier: Tier
}

/** How a wrapped function is cached. */
export interface WrapOptions<Args extends readonly unknown[], T> extends EntryOptions<T> {
  /** The key of a call; should name the function too: `(id) => ['user', id]`. */
  readonly key: (...args: Args) => CacheKey
}

/** What makes a namespace beside this one. */
export type Sibling = (name: string) => Cache

/**
 * The cache. Values are typed by their callers; every method rejects with CacheError, or with a loader's own error.
 * Reads never fail because a tier does. Round trips are counted to L2; L1 hits cost none.
 */
export class Cache implements AsyncDisposable {
  readonly #rt: Runtime
  readonly #policy: Policy
  readonly #sibling: Sibling
  readonly #onClose: () => Promise<{ readonly notApplied: number }>

  /** Made by createCache. */
  constructor(
    rt: Runtime,
    policy: Policy,
    sibling: Sibling,
    onClose: () => Promise<{ readonly notApplied: number }>,
  ) {
    this.#rt = rt
    this.#policy = policy
    this.#sibling = sibling
    this.#onClose = onClose
  }

  get name(): string {
    return this.#rt.name
  }

  /**
   * The cached value, or what the loader gives. One loader runs per key and fleet; its error reaches every waiter as
   * itself. undefined from the loader is answered and not cached. L2 hit: 1 round trip. Miss: 2, the load, 1.
   */
  getOrSet<T>(key: CacheKey, loader: Loader<T>, options?: EntryOptions<T>): Promise<T> {
    // No async function: what is promised already would be promised again, two turns of the microtask queue later.
    try {
      const rt = this.#open()
      const encoded = encodeKey(key)
      if (typeof loader !== 'function') throw invalidArgument('loader', 'a function', loader)
      const answer = getOrSet(rt, encoded, loader, resolvePolicy(this.#policy, options))
      return answer instanceof Promise ? answer : Promise.resolve(typed<T>(answer))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Several keys with one bulk loader: answers in the order of the keys, undefined where the loader knew none.
   * Duplicates are loaded once. Fenced like single loads. The loader is asked for at most 2,000 keys at a time.
   */
  async getOrSetMany<K extends CacheKey, T>(
    keys: readonly K[],
    loader: ManyLoader<K, T>,
    options?: EntryOptions<T>,
  ): Promise<(T | undefined)[]> {
    const rt = this.#open()
    const many = encodeMany(keys)
    if (typeof loader !== 'function') throw invalidArgument('loader', 'a function', loader)
    const policy = resolvePolicy(this.#policy, options)
    // Before they are cut: a key said twice is asked for once, wherever its two places are.
    const unique = [...new Map(many.map((key) => [key.encoded, key])).values()]
    const answers = await inSlices(unique, (slice) => getOrSetMany(rt, slice, loader, policy))
    const byKey = new Map(unique.map(({ encoded }, i) => [encoded, answers[i]]))
    return many.map(({ encoded }) => typed<T | undefined>(byKey.get(encoded)))
  }

  /** What getOrSet would answer without loading: fresh, or stale within swr; else undefined. At most 1 round trip. */
  async get<T = unknown>(key: CacheKey, options?: ReadOptions<T>): Promise<T | undefined> {
    const rt = this.#open()
    return await getValue<T>(rt, encodeKey(key), this.#readPolicy(options))
  }

  /** `get` for several keys, in their order; the reads are pipelined. */
  async getMany<T = unknown>(
    keys: readonly CacheKey[],
    options?: ReadOptions<T>,
  ): Promise<(T | undefined)[]> {
    const rt = this.#open()
    const many = encodeMany(keys)
    const policy = this.#readPolicy(options)
    return await inSlices(many, (slice) =>
      Promise.all(slice.map(({ encoded }) => getValue<T>(rt, encoded, policy))),
    )
  }

  /** `get` with state, age and tier. */
  async getEntry<T = unknown>(key: CacheKey, options?: ReadOptions<T>): Promise<Entry<T> | undefined> {
    const rt = this.#open()
    const found = await get(rt, encodeKey(key), this.#readPolicy(options))
    if (found?.entry === undefined || found.state === 'absent') return undefined
    return {
      value: typed<T>(answerOf(rt, found.entry)),
      state: found.state,
      ageMs: rt.clock.now() - found.entry.createdAt,
      tier: found.tier ?? 'l1',
    }
  }

  /** Whether `get` would find a value. */
  async has(key: CacheKey, options?: ReadOptions): Promise<boolean> {
    return (await this.getEntry(key, options)) !== undefined
  }

  /** Milliseconds until the value is stale, zero if it is; undefined when absent. */
  async ttl(key: CacheKey): Promise<number | undefined> {
    const rt = this.#open()
    const found = await get(rt, encodeKey(key), this.#policy)
    return found?.entry === undefined ? undefined : Math.max(0, found.entry.staleAt - rt.clock.now())
  }

  /**
   * Stores a copy; the last to arrive wins. With `version` only over an entry of a lower one: over none, or a newer one,
   * nothing is stored. Rejects with `unsupported_value`, `value_too_large`, or `l1_full` (no L2). One that the server alone
   * finds too large takes the value before it along. 1 round trip, tags included.
   */
  set<T>(key: CacheKey, value: T, options?: SetOptions<T>): Promise<Stored> {
    return this.#change(async (rt) => {
      const encoded = encodeKey(key)
      const { policy, version } = this.#setPolicy(options)
      return await set(rt, encoded, value, policy, version)
    })
  }

  /**
   * `set` for several entries, pipelined: 'queued' if any of them is, `stored` if all of them are. Nothing is stored where
   * a key is bad; a value that no tier can keep does not keep the others from being stored.
   */
  setMany<T>(entries: Iterable<readonly [CacheKey, T]>, options?: SetOptions<T>): Promise<Stored> {
    return this.#change(async (rt) => {
      const pairs = encodePairs(entries)
      const { policy, version } = this.#setPolicy(options)
      const ended = await inSlices(pairs, (slice) =>
        allOver(slice.map(([key, value]) => set(rt, key, value, policy, version))),
      )
      return { ...worstOf(ended), stored: ended.every((one) => one.stored) }
    })
  }

  /**
   * Removes the value; no load that began before brings it back. An array is one key (a tuple); `deleteMany` takes several.
   * 1 round trip.
   */
  delete(key: CacheKey, options?: InvalidateOptions): Promise<Invalidated> {
    return this.#change((rt) => deleteKeys(rt, [encodeKey(key)], checkRequire(options)))
  }

  /** `delete` for several keys, at most 2,000 a round trip: 'queued' if any of them is. */
  deleteMany(keys: readonly CacheKey[], options?: InvalidateOptions): Promise<Invalidated> {
    return this.#change(async (rt) => {
      const encoded = encodeMany(keys).map((key) => key.encoded)
      const required = checkRequire(options)
      const ended = await inSlices(encoded, async (slice) => [await deleteKeys(rt, slice, required)])
      return worstOf(ended)
    })
  }

  /** Makes the value stale: it is served within swr and staleIfError only. 1 round trip. */
  expire(key: CacheKey, options?: InvalidateOptions): Promise<Invalidated> {
    return this.#change((rt) => expireKeys(rt, [encodeKey(key)], checkRequire(options)))
  }

  /** Invalidates every entry that carries the tag, whatever their number. 1 round trip, 1 command. */
  invalidateTag(tag: string, options?: InvalidateOptions): Promise<Invalidated> {
    return this.invalidateTags([tag], options)
  }

  /** `invalidateTag` for at most 64 tags. 1 round trip. */
  invalidateTags(tags: readonly string[], options?: InvalidateOptions): Promise<Invalidated> {
    return this.#change((rt) => invalidateTags(rt, checkTags(tags), checkRequire(options)))
  }

  /** Makes every entry that carries the tag stale. 1 round trip. */
  expireTag(tag: string, options?: InvalidateOptions): Promise<Invalidated> {
    return this.#change((rt) => expireTags(rt, checkTags([tag]), checkRequire(options)))
  }

  /** Invalidates every entry of this namespace, and of no other. 1 round trip. */
  clear(options?: InvalidateOptions): Promise<Invalidated> {
    return this.#change((rt) => clear(rt, checkRequire(options)))
  }

  /** Loads now, whatever is cached, and answers the new value. */
  async refresh<T>(key: CacheKey, loader: Loader<T>, options?: EntryOptions<T>): Promise<T> {
    const rt = this.#open()
    if (typeof loader !== 'function') throw invalidArgument('loader', 'a function', loader)
    return typed<T>(await refresh(rt, encodeKey(key), loader, resolvePolicy(this.#policy, options)))
  }

  /** Cache-aside by hand, fenced: a value, or the duty to load and `fill` (or `release`) it. */
  async reserve<T = unknown>(key: CacheKey, options?: EntryOptions<T>): Promise<Reservation<T>> {
    return await reserve<T>(this.#open(), encodeKey(key), resolvePolicy(this.#policy, options))
  }

  /**
   * Runs a database write so that no old value survives it, even if this process dies in the middle: what it touches
   * is quarantined before, invalidated after. Rejects with `l2_unavailable`, before `commit`, where L2 is away. What
   * `commit` throws is thrown as it is, after the invalidation. With `require` it can reject with `not_applied` after the
   * commit, whose value is `cause.committed`. close() waits for it for 3 s, and protects what it touches for 2 to 3 s more:
   * what a later commit changes nobody is told of. At most 2,000 keys and 64 tags; 3 round trips.
   */
  write<T>(names: Touched, commit: () => Promise<T> | T, options?: InvalidateOptions): Promise<Written<T>> {
    return this.#change(async (rt) => {
      const touched = encodeTouched(names)
      if (typeof commit !== 'function') throw invalidArgument('commit', 'a function', commit)
      return await mutate(rt, touched, commit, checkRequire(options))
    })
  }

  /** A function whose results are cached under `options.key` of its arguments. */
  wrap<Args extends readonly unknown[], T>(
    run: (...args: Args) => Promise<T> | T,
    options: WrapOptions<Args, T>,
  ): (...args: Args) => Promise<T> {
    if (typeof run !== 'function') throw invalidArgument('fn', 'a function', run)
    if (typeof options?.key !== 'function')
      throw invalidArgument('key', 'a function from the arguments to a key', options?.key)
    const { key, ...entryOptions } = options
    const policy = resolvePolicy(this.#policy, entryOptions)
    return async (...args) =>
      typed<T>(getOrSet(this.#open(), encodeKey(key(...args)), () => run(...args), policy))
  }

  /**
   * A cache beside this one, with keys, tags and `clear` of its own; L1's bounds and L2's connection are shared. At most
   * 10,000 of one cache.
   */
  namespace(name: string): Cache {
    this.#open()
    return this.#sibling(checkName('namespace', name))
  }

  /**
   * Everything that this process and others invalidated before this call has been seen here. Rejects with `l2_timeout`
   * (after `timeout`, l2Timeout by default) or `l2_unavailable`; in L1 mode 'bus' with `bus_unavailable`, too. 1 small
   * round trip; none without L2.
   */
  async barrier(timeout?: Duration): Promise<void> {
    const rt = this.#open()
    const ms = timeout === undefined ? rt.shared.l2TimeoutMs : durationMs('timeout', timeout)
    await rt.link?.opening
    await rt.link?.barrier(rt.clock.now() + ms)
  }

  /** Where an entry stands on every tier and why, without changing anything. At most 2 round trips. */
  async explain(key: CacheKey): Promise<Explanation> {
    return await explain(this.#open(), encodeKey(key), this.#policy)
  }

  /**
   * The counters and gauges of now: of the whole cache, namespaces included, but for `flights`, `l2.queuedInvalidations`
   * and `l2.servers`, which are this namespace's. Cost: a few small objects, and one for each server of L2.
   */
  stats(): CacheStats {
    const { shared, link, flights } = this.#rt
    const { memory } = shared
    return shared.counters.snapshot({
      l1: {
        entries: memory?.size ?? 0,
        bytes: memory?.weightBytes ?? 0,
        evictions: memory?.evictions ?? 0,
        expirations: memory?.expirations ?? 0,
      },
      l2: {
        online: link?.usable ?? false,
        breaker: shared.l2?.breaker.isOpen === true ? 'open' : 'closed',
        queuedInvalidations: link?.queued ?? 0,
        servers: countServers(link?.servers ?? []),
      },
      bus: shared.bus?.stats ?? NO_BUS,
      flights: flights.size,
      running: { loads: shared.places.taken, waiting: shared.places.waiting },
    })
  }

  /**
   * Facts of the shared tier's server; undefined where there is none. Rejects with `l2_timeout` (after l2Timeout) or
   * `l2_unavailable`. 1 round trip.
   */
  async inspect(): Promise<StoreFacts | undefined> {
    const rt = this.#open()
    return await rt.shared.l2?.store.inspect(rt.clock.now() + rt.shared.l2TimeoutMs)
  }

  /**
   * Ends loads, sockets and timers; idempotent. What was begun before and changes something (`set`, `delete`, `write` and
   * their like) is waited for, 3 s at most, and what L2 is owed then is sent once more, within l2Timeout. Answers how many
   * invalidations L2 never acknowledged, with a call that was not over by then counted as one: such a one is answered
   * 'queued' later, or rejects with `closed`, and is not replayed. On a cache made by `namespace`, closes the whole.
   */
  close(): Promise<{ readonly notApplied: number }> {
    return this.#onClose()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** A call that changes something: close() waits for it. */
  async #change<T>(change: (rt: Runtime) => Promise<T>): Promise<T> {
    const rt = this.#open()
    return await rt.shared.underWay.track(change(rt))
  }

  #open(): Runtime {
    if (this.#rt.closed) throw new CacheError('closed', `cache ${show(this.#rt.name)} is closed`)
    return this.#rt
  }

  #readPolicy<T>(options: ReadOptions<T> | undefined): Policy {
    if (options === undefined) return this.#policy
    checkNames('options', options, ['consistency', 'swr', 'validate'])
    return resolvePolicy(this.#policy, options)
  }

  #setPolicy<T>(options: SetOptions<T> | undefined): { policy: Policy; version?: bigint | undefined } {
    if (options === undefined) return { policy: this.#policy }
    checkNames('options', options, SET_OPTION_NAMES)
    const { version, ...entryOptions } = options
    if (version !== undefined && (typeof version !== 'bigint' || BigInt.asIntN(64, version) !== version)) {
      throw invalidArgument('version', 'a bigint of at most 64 bits', version)
    }
    return { policy: resolvePolicy(this.#policy, entryOptions), version }
  }
}

const SET_OPTION_NAMES = [
  'ttl',
  'swr',
  'staleIfError',
  'negativeTtl',
  'jitter',
  'tags',
  'validate',
  'version',
]

async function getValue<T>(rt: Runtime, key: string, policy: Policy): Promise<T | undefined> {
  const found = await get(rt, key, policy)
  return found?.entry === undefined ? undefined : typed<T>(answerOf(rt, found.entry))
}
