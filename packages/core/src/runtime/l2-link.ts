import type { BusLink } from '../bus/bus-link.ts'
import {
  type Breaker,
  breakerIsOpen,
  CacheError,
  type Clock,
  type Invalidation,
  InvalidationQueue,
  type KeptOn,
  type Names,
  type NamespaceStore,
  type ServerState,
  type Store,
  type StoreWatcher,
  type Token,
} from '../contracts.ts'
import type { Fence } from '../invalidation/fence.ts'
import { AnnouncingStore, type Told } from './announcing-store.ts'
import { CountedStore } from './counted-store.ts'
import { type NewsOfServers, ServerNews } from './server-news.ts'

/** What the link tells of; the runtime acts on it. */
export interface LinkEvents {
  keyChanged(key: string): void
  leaseChanged(key: string): void
  tagChanged(tag: string): void
  namespaceChanged(): void
  /** Everything known of L2 is void: flushed, connected anew, or lost. */
  everythingUnknown(): void
  /** Values that were read before now may have changed unheard; L2 is as it was. */
  valuesUnverified(): void
  heldTags(max: number): readonly string[]
  trouble(error: unknown): void
  connected(server: string, version: string): void
  /** Absent: another namespace of this cache tells. */
  readonly news?: NewsOfServers
}

// Most names queued before the whole namespace is cleared instead: about 10 MB at the longest names.
const QUEUED_NAMES_MAX = 10_000
// Between attempts to replay the queue while the connection is up.
const REPLAY_MS_MIN = 50
const REPLAY_MS_MAX = 2_000
// Generations whose last verified moment is remembered.
const GENERATIONS_MAX = 16

/** How far an invalidation has come, and who did not take it, and why. */
export type Invalidating =
  | { readonly l2: 'applied' }
  | { readonly l2: 'queued'; readonly by: 'l2' | 'bus'; readonly cause: unknown }

/** What a link needs of its cache. */
export interface LinkShared {
  readonly clock: Clock
  readonly fence: Fence
  readonly l2TimeoutMs: number
  /** In L1 mode 'bus': it says what is verified, whatever L2 says. */
  readonly bus: BusLink | undefined
}

/** The shared tier of a cache, and the breaker in front of it. */
export interface GuardedStore {
  readonly store: Store
  readonly breaker: Breaker
}

/** This cache's relation to L2: whether it may be used, what it last verified, and what it still owes. */
export class L2Link implements StoreWatcher {
  readonly store: Store
  readonly ops: CountedStore
  /** Rises when the connection comes or goes: what was held before is unverified. */
  generation = 0
  readonly #clock: Clock
  readonly #events: LinkEvents
  readonly #timeoutMs: number
  readonly #rules: Fence
  readonly #breaker: Breaker
  readonly #bus: BusLink | undefined
  readonly #announcing: AnnouncingStore | undefined
  readonly #news: ServerNews | undefined
  /** Of the store itself: undefined while it is opened. */
  readonly #own: NamespaceStore | undefined
  readonly #queue = new InvalidationQueue(QUEUED_NAMES_MAX)
  readonly #verifiedByGeneration = new Map<number, number>()
  #connected = false
  #verifiedAt = Number.NEGATIVE_INFINITY
  #verifiedWall = Number.NEGATIVE_INFINITY
  /** Wall time less the monotonic one, when something was last verified. */
  #wallAhead = Number.POSITIVE_INFINITY
  #replaying: Promise<void> | undefined
  #closed = false
  #opening: Promise<void> | undefined
  #endOpening: () => void = () => undefined

  constructor(l2: GuardedStore, namespace: string, shared: LinkShared, events: LinkEvents) {
    const { clock, l2TimeoutMs: timeoutMs } = shared
    this.store = l2.store
    this.#breaker = l2.breaker
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#events = events
    this.#rules = shared.fence
    this.#bus = shared.bus
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = clock.after(timeoutMs, () => this.#endOpening(), 'caller')
    this.#opening = promise
    this.#endOpening = () => {
      this.#opening = undefined
      timer.cancel()
      resolve()
    }
    if (events.news !== undefined) {
      const all = () => (this.#own?.servers === undefined ? [this.whole] : [this.whole, ...this.#own.servers])
      this.#news = new ServerNews(clock, timeoutMs, events.news, all)
    }
    const { breaker } = l2
    this.#own = l2.store.namespace(namespace, this)
    if (this.#bus !== undefined)
      this.#announcing = new AnnouncingStore(this.#own, breaker, clock, this.#bus, namespace)
    this.ops = this.#announcing ?? new CountedStore(this.#own, breaker, clock)
    this.serversChanged()
  }

  /**
   * The first connection, as long as it is worth waiting for: a process that has just started must not go around L2.
   * undefined once it is there, or has taken longer than l2Timeout: from then on an absent L2 costs no wait.
   */
  get opening(): Promise<void> | undefined {
    return this.#opening
  }

  /** Rule Q: L2 is neither read nor filled while it is away (or as good as) or an invalidation is owed to it. */
  get usable(): boolean {
    return this.#connected && !this.#breaker.isOpen && this.#rules.mayUse(this.#queue.size)
  }

  /** L2 as a whole. */
  get whole(): ServerState {
    const { address } = this.store
    const owed = this.#queue.size
    if (!this.#connected) return { address, state: 'away', owed, cause: this.store.lastError }
    return { address, state: this.#breaker.isOpen ? 'away' : this.usable ? 'used' : 'owed', owed }
  }

  /** Its servers, as far as they are known. */
  get servers(): readonly ServerState[] {
    return this.#own?.servers ?? [this.whole]
  }

  /** The server that an operation on this key goes to now; undefined: none is known. */
  serverOf(key: string): KeptOn | undefined {
    return this.#own?.servers === undefined ? this.whole : this.#own.serverOf?.(key)
  }

  /** Invalidations that L2 has not acknowledged, and those that parts of it are owed. */
  get queued(): number {
    return this.#queue.size + (this.ops.owed ?? 0)
  }

  /** Whether everything that others did until `maxStaleMs` ago has been delivered. Two clock reads. */
  verifiedWithin(maxStaleMs: number, now: number): boolean {
    if (this.#bus !== undefined) return this.#bus.verifiedWithin(maxStaleMs, now)
    // The wall clock too: the monotonic one stands still while the machine is suspended.
    return now - this.#verifiedAt <= maxStaleMs && this.#clock.wallNow() - this.#verifiedWall <= maxStaleMs
  }

  /** When an entry of that generation was last known to be true; unverified since. */
  lastVerified(generation: number): number {
    if (generation === this.generation && this.#connected) return this.#verifiedNow
    return this.#verifiedByGeneration.get(generation) ?? Number.NEGATIVE_INFINITY
  }

  /** Everything that others did before this call has been delivered. Shared by the calls of a tick. */
  async barrier(by: number): Promise<void> {
    await Promise.all([this.#l2Barrier(by), this.#bus?.barrier(by)])
  }

  async #l2Barrier(by: number): Promise<void> {
    if (this.#breaker.isOpen) throw breakerIsOpen()
    const startedAt = this.#clock.now()
    try {
      await this.store.barrier(by)
    } catch (error) {
      this.#breaker.failed(error, by, by - startedAt)
      throw error
    }
    this.#breaker.succeeded()
    this.verified(startedAt)
  }

  /** Sends an invalidation; what is not acknowledged is queued. Never rejects; 'queued' carries the cause. */
  async invalidate(invalidation: Invalidation): Promise<Invalidating> {
    try {
      const by = this.#by()
      await this.#opening
      if (this.#breaker.isOpen) throw breakerIsOpen()
      // A queue is emptied first: an older 'expire' must not overtake a newer 'delete', nor the other way round.
      if (this.#queue.size > 0) await this.#replayBy(by)
      const { reached, told } = await this.#apply(invalidation, by)
      if (reached === 'queued') return { l2: 'queued', by: 'l2', cause: partIsAway() }
      return told === 'applied' ? { l2: told } : { l2: told, by: 'bus', cause: this.#bus?.lastRefusal }
    } catch (cause) {
      this.owe(invalidation)
      return { l2: 'queued', by: 'l2', cause }
    }
  }

  async #apply(invalidation: Invalidation, by: number): Promise<Told> {
    if (this.#announcing !== undefined) return await this.#announcing.tell(invalidation, by)
    return { reached: await this.ops.apply(invalidation, by), told: 'applied' }
  }

  /** Queues an invalidation that could not be sent, or whose outcome is unknown. */
  owe(invalidation: Invalidation): void {
    this.#queue.add(invalidation)
    this.#replaySoon(REPLAY_MS_MIN)
  }

  /** Lifts a quarantine of this process's; if that fails, it ends by itself. Never rejects. */
  async lift(names: Names, token: Token): Promise<void> {
    await this.ops
      .unquarantine(names, token, this.#by())
      .catch((error: unknown) => this.#events.trouble(error))
  }

  keyChanged(key: string): void {
    this.#events.keyChanged(key)
  }

  leaseChanged(key: string): void {
    this.#events.leaseChanged(key)
  }

  tagChanged(tag: string): void {
    this.#events.tagChanged(tag)
  }

  namespaceChanged(): void {
    this.#events.namespaceChanged()
  }

  everythingChanged(): void {
    this.#nextGeneration()
    this.#events.everythingUnknown()
  }

  /** The bus may have missed something. */
  inDoubt(): void {
    this.#nextGeneration()
    this.#events.valuesUnverified()
  }

  /** A read was answered. */
  answered(): void {
    this.#breaker.succeeded()
  }

  /** A read that was sent at `askedAt` and given until `by` was not answered. */
  unanswered(error: unknown, askedAt: number, by: number): void {
    this.#breaker.failed(error, by, by - askedAt)
  }

  /** The breaker has closed: what is owed can be sent again. */
  answersAgain(): void {
    if (this.#queue.size > 0) this.#replaySoon(0)
    this.serversChanged()
  }

  /** One of them, or L2 as a whole, may be used no longer, or again. */
  serversChanged(): void {
    if (this.#own !== undefined && !this.#closed) this.#news?.look()
  }

  connected(facts: { readonly server: string; readonly version: string }): void {
    this.#nextGeneration()
    this.#connected = true
    this.#breaker.reset()
    this.verified(this.#clock.now())
    this.#events.everythingUnknown()
    this.#events.connected(facts.server, facts.version)
    this.#endOpening()
    if (this.#queue.size > 0) this.#replaySoon(0)
    this.serversChanged()
  }

  lost(): void {
    if (!this.#connected) return
    this.#nextGeneration()
    this.#connected = false
    this.#events.everythingUnknown()
    this.serversChanged()
  }

  verified(sentAtMs: number): void {
    if (sentAtMs <= this.#verifiedAt) return
    // Where the machine was suspended since, wall time is further ahead than it was when this was sent.
    const wallAhead = this.#clock.wallNow() - this.#clock.now()
    this.#verifiedWall = sentAtMs + Math.min(wallAhead, this.#wallAhead)
    this.#wallAhead = wallAhead
    this.#verifiedAt = sentAtMs
  }

  heldTags(max: number): readonly string[] {
    return this.#events.heldTags(max)
  }

  /** Tries once more to apply what is owed; answers how much is not applied. */
  async close(): Promise<number> {
    if (this.#queue.size > 0 && this.#connected) await this.#replay().catch(() => undefined)
    this.#closed = true
    this.#connected = false
    this.#news?.close()
    this.#endOpening()
    const { queued } = this
    this.ops.close()
    return queued
  }

  get #verifiedNow(): number {
    return this.#bus?.verifiedAt ?? this.#verifiedAt
  }

  #by(): number {
    return this.#clock.now() + this.#timeoutMs
  }

  #nextGeneration(): void {
    this.#verifiedByGeneration.set(this.generation, this.#verifiedNow)
    this.#verifiedByGeneration.delete(this.generation - GENERATIONS_MAX)
    this.generation++
  }

  #replay(): Promise<void> {
    this.#replaying ??= this.#queue
      .replay((owed) => this.ops.apply(owed, this.#by()))
      .finally(() => {
        this.#replaying = undefined
        this.serversChanged()
      })
    return this.#replaying
  }

  /** `#replay`, which may go on for longer than one call waits: rejects with `l2_timeout` at `by`. */
  async #replayBy(by: number): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>()
    const message = 'the shared tier did not acknowledge in time what it is owed'
    const giveUp = () => reject(new CacheError('l2_timeout', message, { tier: 'l2', retryable: true }))
    const timer = this.#clock.after(by - this.#clock.now(), giveUp, 'caller')
    try {
      await Promise.race([this.#replay(), late])
    } finally {
      timer.cancel()
    }
  }

  #replaySoon(delayMs: number): void {
    if (this.#closed) return
    this.#clock.after(delayMs, () => {
      if (this.#closed || !this.#connected || this.#breaker.isOpen) return
      if (this.#queue.size === 0 || this.#replaying !== undefined) return
      this.#replay().catch((error: unknown) => {
        this.#events.trouble(error)
        this.#replaySoon(Math.min(REPLAY_MS_MAX, Math.max(REPLAY_MS_MIN, delayMs * 2)))
      })
    })
  }
}

function partIsAway(): CacheError {
  const message = 'a part of the shared tier is away, and is told of the invalidation before it is used again'
  return new CacheError('l2_part_away', message, { tier: 'l2', retryable: true })
}
