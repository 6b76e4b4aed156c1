import {
  applyInvalidation,
  CacheError,
  type Clock,
  type Invalidation,
  InvalidationQueue,
  type NamespaceStore,
  type Reached,
  type Store,
  type StoreWatcher,
} from 'holdfast/contracts'

/** The rules of a store of several parts, so that a check can replace one. */
export interface PartRules {
  /** Q, part by part: a part that is owed an invalidation is neither read nor filled. */
  mayUse(owed: number): boolean
  /** Whether a part is told of what concerns every entry of a tag, or of the namespace. */
  hearsOfAll(part: number): boolean
  /** Whether a part is told of a key that `owner` keeps. */
  hearsOfKey(part: number, owner: number): boolean
  /** Whether what a part could not be told is told when it is back. */
  owes(invalidation: Invalidation): boolean
  /** Whether it is told that a part may be used no longer, or again. */
  readonly tellsHowTheyStand: boolean
  /** Whether an operation on a part that is away fails as one on a store that is. */
  readonly failsAsAWhole: boolean
  /** How long after it is back a part is told what it is owed. */
  readonly replayAfterMs: number
}

export const partRules: PartRules = {
  mayUse: (owed) => owed === 0,
  hearsOfAll: () => true,
  hearsOfKey: (part, owner) => part === owner,
  owes: () => true,
  tellsHowTheyStand: true,
  failsAsAWhole: false,
  replayAfterMs: 0,
}

// What a replay is given, and the time to the next one.
const REPLAY_MS = 250
const REPLAY_AGAIN_MS = 10
// Names owed to one part before its namespace is cleared instead.
const OWED_NAMES_MAX = 100

/** One namespace on one part. */
export class Part implements StoreWatcher {
  readonly names: NamespaceStore
  readonly owed: InvalidationQueue = new InvalidationQueue(OWED_NAMES_MAX)
  readonly #clock: Clock
  readonly #rules: PartRules
  readonly #changed: () => void
  #isConnected = false
  #verifiedMs = Number.NEGATIVE_INFINITY

  /** `changed` is called when it is connected, lost or verified, and when it has been told what it was owed. */
  constructor(store: Store, namespace: string, clock: Clock, rules: PartRules, changed: () => void) {
    this.#clock = clock
    this.#rules = rules
    this.#changed = changed
    this.names = store.namespace(namespace, this)
  }

  get isConnected(): boolean {
    return this.#isConnected
  }

  get verifiedMs(): number {
    return this.#verifiedMs
  }

  get isUsed(): boolean {
    return this.#isConnected && this.#rules.mayUse(this.owed.size)
  }

  /** An operation on a key of this part: what comes back after the part was owed something is worth nothing. */
  async use<T>(operation: (names: NamespaceStore) => Promise<T>): Promise<T> {
    if (!this.isUsed) throw this.away()
    try {
      const answer = await operation(this.names)
      if (this.isUsed) return answer
    } catch (error) {
      if (!isUnanswered(error)) throw error
      throw this.away(error)
    }
    throw this.away()
  }

  /** Tells it, or owes it. */
  async tell(invalidation: Invalidation, by: number): Promise<Reached> {
    try {
      if (!this.isUsed) throw this.away()
      return await applyInvalidation(this.names, invalidation, by)
    } catch {
      if (this.#rules.owes(invalidation)) this.owed.add(invalidation)
      this.#replay()
      return 'queued'
    }
  }

  away(cause?: unknown): CacheError {
    const code = this.#rules.failsAsAWhole ? 'l2_unavailable' : 'l2_part_away'
    return new CacheError(code, 'this part is away', { tier: 'l2', retryable: true, cause })
  }

  connected(): void {
    this.#isConnected = true
    if (this.#rules.replayAfterMs === 0) this.#replay()
    else this.#clock.after(this.#rules.replayAfterMs, () => this.#replay())
    this.#changed()
  }

  lost(): void {
    this.#isConnected = false
    this.#changed()
  }

  verified(sentAtMs: number): void {
    this.#verifiedMs = sentAtMs
    this.#changed()
  }

  keyChanged(): void {}
  leaseChanged(): void {}
  tagChanged(): void {}
  namespaceChanged(): void {}
  everythingChanged(): void {}

  #replay(): void {
    if (this.owed.size === 0 || !this.#isConnected) return
    const apply = (owed: Invalidation) => applyInvalidation(this.names, owed, this.#clock.now() + REPLAY_MS)
    this.owed.replay(apply).then(this.#changed, () => {
      this.#clock.after(REPLAY_AGAIN_MS, () => this.#replay())
    })
  }
}

function isUnanswered(error: unknown): boolean {
  return error instanceof CacheError && (error.code === 'l2_timeout' || error.code === 'l2_unavailable')
}
