import {
  type Acquired,
  type AcquireRequest,
  CacheError,
  type Clock,
  type Filled,
  type FillRequest,
  InvalidationQueue,
  type KeptOn,
  type Names,
  type NamespaceStore,
  type PutReply,
  type PutRequest,
  type Reached,
  type ReadRequest,
  type ServerState,
  type StoreEnvironment,
  type StoreWatcher,
  type Timer,
  type Token,
  type Tokens,
} from 'holdfast/contracts'
import type { Island } from './island.ts'
import type { NamespaceOnServer } from './namespace-on-server.ts'
import type { PoolRules } from './pool-rules.ts'
import type { PoolServer } from './pool-server.ts'
import type { Ring } from './ring.ts'
import { RingInUse } from './ring-in-use.ts'
import { RingMembership, type Sealing } from './ring-membership.ts'
import { RingNews } from './ring-news.ts'
import { RingSealer } from './ring-sealer.ts'
import { RoutedRead } from './routed-read.ts'

/** What a namespace needs of its pool. */
export interface NamespacePool {
  readonly environment: StoreEnvironment
  readonly rules: PoolRules
  readonly address: string
  /** A server that this process knows, of this ring or of one before it, by host and port. */
  find(address: string): PoolServer | undefined
  /** Asks for the list, for a reason to think that it has changed. */
  refresh(): void
}

// For a check that has nothing sealed.
const SEALED_ALREADY: Sealing = { soon: Promise.resolve(), everywhere: Promise.resolve(true) }
// Between two looks whether a ring that was not to be used may be.
const COMING_BACK_MS = 2_000

/** One namespace over many servers: a key goes to its own, what concerns every entry to all of them. */
export class PooledNamespace implements NamespaceStore {
  readonly part: (key: string) => number
  readonly #name: string
  readonly #pool: NamespacePool
  readonly #clock: Clock
  readonly #watcher: StoreWatcher
  readonly #onClose: () => void
  readonly #news: RingNews
  /** Owed to servers of a ring that was left: the next one's are told. */
  readonly #carried: InvalidationQueue
  /** Told to a ring that was left, when others may have left it before: the next one is told again. */
  readonly #retold: InvalidationQueue
  /** The one that is to be used, where it is known. */
  #ring: Ring | undefined
  /** undefined: no ring is known yet, or it is not to be used. */
  #inUse: RingInUse | undefined
  #sealer: RingSealer | undefined
  #comingBack: Timer | undefined
  #isUp = false
  #isDisplaced = false
  #generation = 0
  #isClosed = false

  constructor(name: string, pool: NamespacePool, watcher: StoreWatcher, onClose: () => void) {
    this.#name = name
    this.#pool = pool
    this.#clock = pool.environment.clock
    this.#watcher = watcher
    this.#onClose = onClose
    this.#news = new RingNews({ ...pool, namespace: name })
    this.#carried = new InvalidationQueue(pool.rules.owedNamesMax)
    this.#retold = new InvalidationQueue(pool.rules.owedNamesMax)
    this.part = (key) => this.#inUse?.partOf(key) ?? 0
  }

  /** From here on keys are those of this ring, on each of its servers as soon as it has been admitted there. */
  enter(ring: Ring): void {
    this.leave()
    if (this.#isClosed) return
    this.#ring = ring
    const sealer = new RingSealer({
      clock: this.#clock,
      timeoutMs: this.#pool.environment.l2TimeoutMs,
      itemsOn: (address) => this.#pool.find(address)?.island.ringItems(this.#name),
    })
    this.#sealer = sealer
    const membership = new RingMembership(ring.record, {
      by: () => this.#clock.now() + this.#pool.environment.l2TimeoutMs,
      seal: (other, toldBy) => (this.#pool.rules.seals ? sealer.seal(other, toldBy) : SEALED_ALREADY),
    })
    this.#inUse = new RingInUse(this.#name, ring, membership, this.#pool, {
      changed: () => this.#changed(),
      verified: () => this.#verified(),
      waiting: (ms, notReached) => this.#news.waiting(ms, notReached),
      heldTags: (max) => this.#watcher.heldTags?.(max) ?? [],
      displaced: () => this.#displaced(ring),
    })
    for (const owed of [...this.#carried.takeAll(), ...this.#retold.takeAll()]) this.#inUse.owe(owed)
    this.#changed()
  }

  /** Nothing is read or stored until the next ring is entered, which is told what this one's servers are owed. */
  leave(): void {
    this.#comingBack?.cancel()
    this.#sealer?.end()
    const left = this.#inUse
    this.#inUse = undefined
    const { owed = [], said = [] } = left?.leave() ?? {}
    for (const one of owed) this.#carried.add(one)
    if (this.#pool.rules.retells) for (const one of said) this.#retold.add(one)
    this.#changed()
  }

  get owed(): number {
    return (this.#inUse?.owed ?? 0) + this.#carried.size
  }

  /** How the servers of its ring stand, the gutter's among them; undefined: there is at most one, used or away. */
  get servers(): readonly ServerState[] | undefined {
    const { states } = this
    const isUsable = !states.some(({ state }) => state === 'waiting' || state === 'displaced')
    return states.length < 2 && isUsable ? undefined : states
  }

  /** The same, of one server too. */
  get states(): readonly ServerState[] {
    if (!this.#isDisplaced) return this.#inUse?.states ?? []
    return this.#ring?.servers.map(({ island }, i) => this.#displacedOn(island, i)) ?? []
  }

  serverOf(key: string): KeptOn | undefined {
    if (!this.#isDisplaced) return this.#inUse?.serverOf(key)
    return this.#ring === undefined ? undefined : this.states[this.#ring.homeOf(key)]
  }

  read(request: ReadRequest, by: number): void {
    const at = this.#inUse?.at(this.#inUse.partOf(request.key))
    if (at?.isUsed !== true) request.failed(at?.absence ?? this.#absence())
    else at.names.read(new RoutedRead(request, at, by, by - this.#clock.now()), by)
  }

  async tokens(
    key: string,
    tags: readonly string[],
    mintLifeMs: number | undefined,
    by: number,
  ): Promise<Tokens> {
    const read = async (names: NamespaceStore) => ({ tokens: await names.tokens(key, tags, mintLifeMs, by) })
    return (await this.#of(key).useTokens(read, by)).tokens
  }

  async acquire(request: AcquireRequest, by: number): Promise<Acquired> {
    return await this.#of(request.key).useTokens((names) => names.acquire(request, by), by)
  }

  async renew(key: string, token: Token, leaseMs: number, by: number): Promise<boolean> {
    return await this.#of(key).use((names) => names.renew(key, token, leaseMs, by), by)
  }

  /** A lease of another server than the one that the key belongs to now is refused there. */
  async fill(request: FillRequest, by: number): Promise<Filled> {
    const { ring } = this.#ringInUse()
    const isHome = this.part(request.key) === ring.homeOf(request.key)
    const fitting = isHome ? request : this.#inGutter(request)
    return await this.#of(request.key).useTokens((names) => names.fill(fitting, by), by)
  }

  async release(key: string, token: Token, by: number): Promise<boolean> {
    return await this.#of(key).use((names) => names.release(key, token, by), by)
  }

  async invalidate(keys: readonly string[], by: number): Promise<Reached> {
    return await this.#ringInUse().tell({ kind: 'keys', names: keys }, by)
  }

  async expire(keys: readonly string[], by: number): Promise<Reached> {
    return await this.#ringInUse().tell({ kind: 'expire-keys', names: keys }, by)
  }

  async invalidateTags(tags: readonly string[], by: number): Promise<Reached> {
    return await this.#ringInUse().tell({ kind: 'tags', names: tags }, by)
  }

  async expireTags(tags: readonly string[], by: number): Promise<Reached> {
    return await this.#ringInUse().tell({ kind: 'expire-tags', names: tags }, by)
  }

  async clear(by: number): Promise<Reached> {
    return await this.#ringInUse().tell({ kind: 'clear' }, by)
  }

  /**
   * Only by the key's own server: what is put must not be lost in ten seconds. The gutter forgets what it has. Of a put that
   * was not answered nothing is owed here: whoever asked for it invalidates the key.
   */
  async put(request: PutRequest, by: number): Promise<PutReply> {
    const { key } = request
    const inUse = this.#ringInUse()
    const home = inUse.at(inUse.ring.homeOf(key))
    const forgotten = inUse.toldToo(key)?.tell({ kind: 'keys', names: [key] }, by)
    // It is awaited below, where the put has not failed before.
    forgotten?.catch(() => undefined)
    const reply = await home.useTokens((names) => names.put(request, by), by)
    const reached = await forgotten
    return reached === undefined ? reply : { ...reply, reached }
  }

  async quarantine(names: Names, token: Token, lifeMs: number, by: number): Promise<void> {
    await this.#ringInUse().onHolders(names, (part, held) =>
      part.useLooking((store) => store.quarantine(held, token, lifeMs, by), by),
    )
  }

  async unquarantine(names: Names, token: Token, by: number): Promise<void> {
    await this.#ringInUse().onHolders(names, (part, held) =>
      part.use((store) => store.unquarantine(held, token, by), by),
    )
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#news.close()
    this.#comingBack?.cancel()
    this.#sealer?.end()
    this.#inUse?.leave()
    this.#inUse = undefined
    this.#onClose()
  }

  #ringInUse(): RingInUse {
    if (this.#inUse === undefined) throw this.#absence()
    return this.#inUse
  }

  /** Where this key is kept now. */
  #of(key: string): NamespaceOnServer {
    const inUse = this.#ringInUse()
    return inUse.at(inUse.partOf(key))
  }

  #absence(): CacheError {
    if (this.#isClosed) return new CacheError('closed', 'the namespace was closed', { tier: 'l2' })
    // Of servers that are there, and used by others, a breaker has nothing to learn.
    const code = this.#isDisplaced ? 'l2_part_away' : 'l2_unavailable'
    const message = this.#isDisplaced
      ? 'another list of servers is in use'
      : 'the list of servers is not known yet'
    return new CacheError(code, message, { tier: 'l2', retryable: true })
  }

  #inGutter(request: FillRequest): FillRequest {
    const { entry } = request
    const { gutterMs } = this.#pool.rules
    const life = { ttlMs: Math.min(entry.ttlMs, gutterMs), keepMs: Math.min(entry.keepMs, gutterMs) }
    return { ...request, entry: { ...entry, ...life } }
  }

  /** This ring's servers are left alone, until the other is not in use any more, or our list is another. */
  #displaced(ring: Ring): void {
    this.#isDisplaced = true
    this.leave()
    this.#news.displaced(ring)
    const ms = COMING_BACK_MS * (0.8 + this.#clock.random() / 5)
    this.#comingBack = this.#clock.after(ms, () => this.enter(ring))
    this.#pool.refresh()
  }

  #displacedOn({ online, address, lastError: cause }: Island, server: number): ServerState {
    const role = this.#ring?.roleOf(server)
    return { address, role, owed: 0, ...(online ? { state: 'displaced' } : { state: 'away', cause }) }
  }

  #changed(): void {
    if (this.#isClosed) return
    const isUp = this.#inUse?.isUp === true
    if (isUp !== this.#isUp) this.#turned(isUp)
    // Between two lists there is none to be told of.
    if (this.#inUse !== undefined || this.#isDisplaced) this.#watcher.serversChanged?.()
  }

  #turned(isUp: boolean): void {
    this.#isUp = isUp
    if (!isUp) {
      this.#watcher.lost()
      return
    }
    this.#isDisplaced = false
    this.#news.used()
    const facts = this.#inUse?.facts ?? { server: '', version: '' }
    this.#watcher.connected({ ...facts, generation: ++this.#generation })
  }

  #verified(): void {
    if (this.#isUp && this.#inUse !== undefined) this.#watcher.verified(this.#inUse.verifiedMs)
  }
}
