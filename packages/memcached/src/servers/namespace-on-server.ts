import {
  applyInvalidation,
  CacheError,
  type Clock,
  type Invalidation,
  type NamespaceStore,
  type Reached,
  type ServerState,
  type StoreEnvironment,
  type StoreWatcher,
  type Tokens,
} from 'holdfast/contracts'
import { SEALED } from '../island/sealed.ts'
import { nameInRing } from './island.ts'
import { OwedToServer } from './owed-to-server.ts'
import type { PoolRules } from './pool-rules.ts'
import type { PoolServer } from './pool-server.ts'
import { RingAdmission, type ServerWords } from './ring-admission.ts'
import type { RingGate } from './ring-gate.ts'
import type { RingItems } from './ring-items.ts'
import { isMarkOf } from './ring-mark.ts'
import type { RingMembership } from './ring-membership.ts'

/** Which namespace it is, and by what it is kept. */
export interface NamespaceInRing {
  readonly name: string
  readonly epoch: string
  readonly membership: RingMembership
  readonly gate: RingGate
  readonly rules: PoolRules
  /** The ring has one server only: its failures are those of the store, and what it is owed the cache keeps itself. */
  readonly alone: boolean
}

/** As `Ring.roleOf` answers it. */
type ServerRole = ServerState['role']

/** What a namespace is told of one of its servers. */
export interface ServerEvents {
  /** It was connected or lost, or is used again, or no longer. */
  changed(): void
  verified(): void
  /** Up to `max` tags that this process holds: the next ones for this server. */
  heldTags(max: number): readonly string[]
  /** The server knew the ring as the one in use, when it was asked. */
  confirmed(askedAtMs: number): void
  /** Another ring is in use: this one must not be, on any of its servers. */
  displaced(): void
}

/** One namespace on one server of its ring: whether it may be used there, and what that server is still owed. */
export class NamespaceOnServer implements StoreWatcher {
  readonly server: PoolServer
  readonly names: NamespaceStore
  readonly #role: ServerRole
  readonly #ring: NamespaceInRing
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #events: ServerEvents
  readonly #items: RingItems
  readonly #admission: RingAdmission
  readonly #owed: OwedToServer
  readonly #away: CacheError
  readonly #unwatch: () => void
  #words: ServerWords | undefined
  #verifiedMs = Number.NEGATIVE_INFINITY
  #wasUsed = false
  #isClosed = false

  constructor(
    server: PoolServer,
    role: ServerRole,
    ring: NamespaceInRing,
    environment: StoreEnvironment,
    events: ServerEvents,
  ) {
    this.server = server
    this.#role = role
    this.#ring = ring
    this.#clock = environment.clock
    this.#timeoutMs = environment.l2TimeoutMs
    this.#events = events
    this.#owed = new OwedToServer(ring.rules.owedNamesMax, environment.clock, {
      mayTell: () => this.isUp,
      tell: (owed) => this.#tellOwed(owed),
      settled: () => this.#changed(),
    })
    // Made once: with a server that is gone, every call of its keys ends with it.
    this.#away = partAway(server, role, undefined)
    this.#items = server.island.ringItems(ring.name)
    const { membership, gate, rules } = ring
    const asked = { membership, gate, clock: environment.clock, looksEveryMs: rules.looksEveryMs }
    this.#admission = new RingAdmission(asked, this.#items, {
      admitted: (words) => this.#admitted(words),
      confirmed: (askedAtMs) => events.confirmed(askedAtMs),
      displaced: () => events.displaced(),
    })
    this.#unwatch = server.watch(() => this.#serverChanged())
    this.names = server.island.namespace(nameInRing(ring.epoch, ring.name), this)
  }

  /** What the server said of itself when it was connected; undefined: it is not, or has not admitted the ring. */
  get words(): ServerWords | undefined {
    return this.#words
  }

  get verifiedMs(): number {
    return this.#verifiedMs
  }

  /** Names (and clears) that it has not been told of. */
  get owed(): number {
    return this.#owed.size
  }

  /** Whether it can be told something: it has admitted the ring, which is in use, and it answers. */
  get isUp(): boolean {
    return this.#words !== undefined && this.#ring.gate.isOpen && this.server.answers
  }

  /** Whether its keys are read and filled now: it is up, and owed nothing. */
  get isUsed(): boolean {
    return this.isUp && this.#ring.rules.mayUse(this.#owed.size)
  }

  /** How it stands now. */
  get state(): ServerState {
    const { island, answers } = this.server
    const { address, online, lastError } = island
    const isThere = online && answers
    const state = this.isUsed ? 'used' : this.isUp ? 'owed' : isThere ? 'waiting' : 'away'
    return { address, state, role: this.#role, owed: this.owed, ...(online ? {} : { cause: lastError }) }
  }

  /** Why its keys are not read and filled now. */
  get absence(): CacheError {
    const { server } = this
    // Of a server that is there, a breaker has nothing to learn.
    return this.#ring.alone && !server.island.online ? notConnected(server) : this.#away
  }

  /** An operation on keys of this server. What comes back after it was owed something is worth nothing any more. */
  async use<T>(operation: (names: NamespaceStore) => Promise<T>, by: number): Promise<T> {
    if (!this.isUsed) throw this.absence
    const givenMs = by - this.#clock.now()
    try {
      const answer = await operation(this.names)
      this.succeeded()
      if (this.isUsed) return answer
    } catch (error) {
      throw this.failure(error, by, givenMs)
    }
    throw this.absence
  }

  /** The same, of an operation that answers tokens: they tell whether the ring is still in use. */
  async useTokens<T extends { readonly tokens: Tokens }>(
    operation: (names: NamespaceStore) => Promise<T>,
    by: number,
  ): Promise<T> {
    const answer = await this.use(operation, by)
    if (this.isSealed(answer.tokens)) throw this.absence
    return answer
  }

  /** The same, of one that answers none, and that others must be able to rely on. */
  async useLooking(operation: (names: NamespaceStore) => Promise<void>, by: number): Promise<void> {
    await this.use((names) => this.#looking(operation(names), by), by)
  }

  /** Whether these tokens are the closing marker; the namespace hears of it then. */
  isSealed(tokens: Tokens): boolean {
    if (tokens.namespace !== SEALED || !this.#ring.rules.heedsSeal) return false
    // Not while a reply is handled: what follows closes whatever hands it over.
    queueMicrotask(() => this.#events.displaced())
    return true
  }

  /** The server answered. */
  succeeded(): void {
    if (!this.#ring.alone) this.server.succeeded()
  }

  /** The error of a call that was given `givenMs`, as the caller of a pool hears it. */
  failure(error: unknown, by: number, givenMs: number): unknown {
    if (this.#ring.alone || error instanceof Displaced) return error
    this.server.failed(error, by, givenMs)
    return isUnanswered(error) ? partAway(this.server, this.#role, error) : error
  }

  /**
   * Tells the server, or owes it. Rejects where the ring is not in use any more, or has no other server: then it is the
   * cache that owes it.
   */
  async tell(invalidation: Invalidation, by: number): Promise<Reached> {
    // Whatever else is owed: if that waited in line, invalidations that never pause would keep the server from use. An
    // older 'expire' that comes behind a newer 'delete' only makes something newer stale.
    if (this.isUp) {
      const givenMs = by - this.#clock.now()
      try {
        await this.#apply(invalidation, by)
        this.succeeded()
        return 'applied'
      } catch (error) {
        if (this.#ring.alone || error instanceof Displaced) throw error
        this.server.failed(error, by, givenMs)
      }
    }
    if (this.#ring.alone || this.#isClosed) throw this.absence
    this.owe(invalidation)
    return 'queued'
  }

  /** It is told before its keys are read or filled again. */
  owe(invalidation: Invalidation): void {
    const { isUsed } = this
    if (this.#ring.rules.remembers) this.#owed.add(invalidation)
    if (isUsed) this.#changed()
  }

  /** The ring is in use from here on. */
  opened(): void {
    this.#admission.opened()
    this.#owed.tell()
    this.#tellUsed()
  }

  /** What the server said of the ring before is not enough. */
  askAgain(): void {
    this.#admission.askAgain()
  }

  /** Ends it here; answers what the server is still owed. */
  close(): readonly Invalidation[] {
    this.#isClosed = true
    this.#words = undefined
    this.#admission.lost()
    this.#unwatch()
    this.names.close()
    return this.#owed.takeAll()
  }

  connected(words: ServerWords): void {
    this.#admission.connected(words)
  }

  lost(): void {
    this.#admission.lost()
    this.#words = undefined
    this.#changed()
  }

  verified(sentAtMs: number): void {
    this.#verifiedMs = sentAtMs
    this.#events.verified()
  }

  heldTags(max: number): readonly string[] {
    return this.#events.heldTags(max)
  }

  // A server that is one of several tells of no changes.
  keyChanged(): void {}
  leaseChanged(): void {}
  tagChanged(): void {}
  namespaceChanged(): void {}
  everythingChanged(): void {}

  #admitted(words: ServerWords): void {
    if (this.#words === undefined) this.server.renewed()
    this.#words = words
    this.#owed.tell()
    this.#changed()
  }

  #serverChanged(): void {
    this.#owed.tell()
    this.#changed()
  }

  #changed(): void {
    this.#tellUsed()
    this.#events.changed()
  }

  #tellUsed(): void {
    const { isUsed } = this
    if (isUsed && !this.#wasUsed) this.server.used()
    this.#wasUsed = isUsed
  }

  async #tellOwed(owed: Invalidation): Promise<void> {
    const by = this.#clock.now() + this.#timeoutMs
    try {
      await this.#apply(owed, by)
      this.succeeded()
    } catch (error) {
      this.server.failed(error, by, this.#timeoutMs)
      throw error
    }
  }

  /** Sends it, and looks whether the ring is still in use: else nobody hears of it who should. */
  async #apply(invalidation: Invalidation, by: number): Promise<void> {
    await this.#looking(applyInvalidation(this.names, invalidation, by), by)
  }

  /**
   * Rejects where the ring is not in use any more. A glance in the same trip is enough, however long the work takes. A
   * later ring is used only once this one is sealed here or its own record has taken the place of ours, or once we have
   * had the time to hear of it (RingGate). So if neither is seen, it is not used yet, and what it will load is what was
   * committed before this work began.
   */
  async #looking(work: Promise<unknown>, by: number): Promise<void> {
    const { epoch, rules } = this.#ring
    const [{ mark, isSealed }] = await Promise.all([this.#items.glance(epoch, by), work])
    const isOver = isSealed || (mark !== undefined && !isMarkOf(mark, epoch))
    if (!isOver || !rules.heedsSeal) return
    this.#events.displaced()
    throw new Displaced(this.server)
  }
}

/** Another ring is in use. */
class Displaced extends CacheError {
  constructor({ island }: PoolServer) {
    // Of the server it says nothing: a breaker must not learn from it.
    super('l2_part_away', `${island.address} is used with another list of servers`, {
      tier: 'l2',
      retryable: true,
    })
  }
}

function notConnected({ island }: PoolServer): CacheError {
  const { address, lastError: cause } = island
  return new CacheError('l2_unavailable', `${address} is not connected`, {
    tier: 'l2',
    retryable: true,
    cause,
  })
}

function partAway({ island }: PoolServer, role: ServerRole, cause: unknown): CacheError {
  const message =
    role === 'gutter'
      ? `${island.address}, of the gutter, is away: what others may have in it cannot be ended now`
      : `${island.address} is away: its keys are loaded, and not stored`
  return new CacheError('l2_part_away', message, { tier: 'l2', retryable: true, cause })
}

/** The server may be away; any other error is an answer. */
function isUnanswered(error: unknown): boolean {
  return error instanceof CacheError && (error.code === 'l2_timeout' || error.code === 'l2_unavailable')
}
