import {
  applyInvalidation,
  CacheError,
  type Clock,
  type Invalidation,
  InvalidationQueue,
  type NamespaceStore,
  type Reached,
  type StoreEnvironment,
  type StoreWatcher,
} from 'holdfast/contracts'
import type { PoolRules } from './pool-rules.ts'
import type { PoolServer } from './pool-server.ts'

// Between attempts to tell a server that answers what it is owed.
const REPLAY_MS_MIN = 50
const REPLAY_MS_MAX = 2_000

/** What a namespace is told of one of its servers. */
export interface ServerEvents {
  /** It was connected or lost, or is used again, or no longer. */
  changed(): void
  verified(): void
}

/**
 * One namespace on one server: whether it may be used there, and what that server is still owed. Where there is one
 * server only (`alone`), its failures are those of the store, and nothing is owed here: the cache itself does that.
 */
export class NamespaceOnServer implements StoreWatcher {
  readonly server: PoolServer
  readonly names: NamespaceStore
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #events: ServerEvents
  readonly #rules: PoolRules
  readonly #alone: boolean
  readonly #owed: InvalidationQueue
  readonly #away: CacheError
  readonly #unwatch: () => void
  #facts: { readonly server: string; readonly version: string } | undefined
  #verifiedMs = Number.NEGATIVE_INFINITY
  #isReplaying = false
  #isClosed = false

  constructor(
    server: PoolServer,
    namespace: string,
    environment: StoreEnvironment,
    pool: { readonly rules: PoolRules; readonly alone: boolean },
    events: ServerEvents,
  ) {
    this.server = server
    this.#clock = environment.clock
    this.#timeoutMs = environment.l2TimeoutMs
    this.#events = events
    this.#rules = pool.rules
    this.#alone = pool.alone
    this.#owed = new InvalidationQueue(pool.rules.owedNamesMax)
    // Made once: with a server that is gone, every call of its keys ends with it.
    this.#away = partAway(server, undefined)
    this.#unwatch = server.watch(() => this.#serverChanged())
    this.names = server.island.namespace(namespace, this)
  }

  /** What the server said of itself when it was connected; undefined: it is not. */
  get facts(): { readonly server: string; readonly version: string } | undefined {
    return this.#facts
  }

  get verifiedMs(): number {
    return this.#verifiedMs
  }

  /** Names (and clears) that it has not been told of. */
  get owed(): number {
    return this.#owed.size
  }

  /** Connected, and answering. */
  get isUp(): boolean {
    return this.#facts !== undefined && this.server.answers
  }

  /** Whether its keys are read and filled now. */
  get isUsed(): boolean {
    if (this.#isClosed) return false
    return this.#alone || (this.isUp && this.#rules.mayUse(this.#owed.size))
  }

  /** An operation on keys of this server. What comes back after it was owed something is worth nothing any more. */
  async use<T>(operation: (names: NamespaceStore) => Promise<T>, by: number): Promise<T> {
    if (!this.isUsed) throw this.#away
    if (this.#alone) return await operation(this.names)
    const givenMs = by - this.#clock.now()
    try {
      const answer = await operation(this.names)
      this.server.succeeded()
      if (this.isUsed) return answer
    } catch (error) {
      throw this.failure(error, by, givenMs)
    }
    throw this.#away
  }

  /** The error of a call that was given `givenMs`, as the caller of a pool hears it. */
  failure(error: unknown, by: number, givenMs: number): unknown {
    if (this.#alone) return error
    this.server.failed(error, by, givenMs)
    return isUnanswered(error) ? partAway(this.server, error) : error
  }

  /** Why its keys are not read and filled now. */
  get absence(): CacheError {
    return this.#away
  }

  /** Tells the server, or owes it. Rejects only where it is alone. */
  async tell(invalidation: Invalidation, by: number): Promise<Reached> {
    if (this.#alone) return await applyInvalidation(this.names, invalidation, by)
    const givenMs = by - this.#clock.now()
    // What is owed already comes first: an older 'expire' must not overtake a newer 'delete'.
    if (this.isUp && this.#owed.size === 0) {
      try {
        await applyInvalidation(this.names, invalidation, by)
        this.server.succeeded()
        return 'applied'
      } catch (error) {
        this.server.failed(error, by, givenMs)
      }
    }
    this.owe(invalidation)
    return 'queued'
  }

  /** It is told before its keys are read or filled again. */
  owe(invalidation: Invalidation): void {
    this.#owed.add(invalidation)
    this.#replay(REPLAY_MS_MIN)
    this.#events.changed()
  }

  close(): void {
    this.#isClosed = true
    this.#facts = undefined
    this.#unwatch()
    this.names.close()
  }

  connected(facts: { readonly server: string; readonly version: string }): void {
    this.#facts = facts
    this.server.renewed()
    this.#replay(REPLAY_MS_MIN)
    this.#events.changed()
  }

  lost(): void {
    this.#facts = undefined
    this.#events.changed()
  }

  verified(sentAtMs: number): void {
    this.#verifiedMs = sentAtMs
    this.#events.verified()
  }

  // A server that is one of several tells of no changes.
  keyChanged(): void {}
  leaseChanged(): void {}
  tagChanged(): void {}
  namespaceChanged(): void {}
  everythingChanged(): void {}

  #serverChanged(): void {
    this.#replay(REPLAY_MS_MIN)
    this.#events.changed()
  }

  /** Tells it what it is owed; where that fails, again after `retryMs`. */
  #replay(retryMs: number): void {
    if (this.#isClosed || this.#isReplaying || !this.isUp || this.#owed.size === 0) return
    this.#isReplaying = true
    this.#owed
      .replay((owed) => this.#tellOwed(owed))
      .then(
        () => this.#events.changed(),
        () => this.#replayIn(Math.min(REPLAY_MS_MAX, retryMs * 2)),
      )
      .finally(() => {
        this.#isReplaying = false
      })
  }

  async #tellOwed(owed: Invalidation): Promise<void> {
    const by = this.#clock.now() + this.#timeoutMs
    try {
      await applyInvalidation(this.names, owed, by)
      this.server.succeeded()
    } catch (error) {
      this.server.failed(error, by, this.#timeoutMs)
      throw error
    }
  }

  #replayIn(ms: number): void {
    this.#clock.after(ms, () => this.#replay(ms))
  }
}

function partAway(server: PoolServer, cause: unknown): CacheError {
  const message = `${server.island.address} is away: its keys are loaded, and not stored`
  return new CacheError('l2_part_away', message, { tier: 'l2', retryable: true, cause })
}

/** The server may be away; any other error is an answer. */
function isUnanswered(error: unknown): boolean {
  return error instanceof CacheError && (error.code === 'l2_timeout' || error.code === 'l2_unavailable')
}
