import type { BusLink } from '../bus/bus-link.ts'
import type { Change } from '../bus/frame.ts'
import type {
  Acquired,
  AcquireRequest,
  Filled,
  FillRequest,
  Names,
  NamespaceStore,
  PutReply,
  PutRequest,
  Reached,
  ReadRequest,
  Token,
  Tokens,
} from '../contracts.ts'

/**
 * A namespace of a store, of whose changes other processes hear on the bus: behind the store's acknowledgement, so that
 * whoever asks it because of them finds what they are about (rule B), and before the caller's (rule A). Fills are not told
 * of: they bring back nothing that an invalidation took. One more round trip, to the bus, for each of the others.
 */
export class AnnouncingStore implements NamespaceStore {
  readonly part: ((key: string) => number) | undefined
  readonly #store: NamespaceStore
  readonly #bus: BusLink
  readonly #namespace: string
  /** A part of the store is owed what everybody was told of already. */
  #isOwing = false

  constructor(store: NamespaceStore, bus: BusLink, namespace: string) {
    this.#store = store
    this.#bus = bus
    this.#namespace = namespace
    this.part = store.part === undefined ? undefined : (key) => store.part?.(key) ?? 0
  }

  get owed(): number {
    return this.#store.owed ?? 0
  }

  read(request: ReadRequest, by: number): void {
    this.#store.read(request, by)
  }

  tokens(key: string, tags: readonly string[], mintLifeMs: number | undefined, by: number): Promise<Tokens> {
    return this.#store.tokens(key, tags, mintLifeMs, by)
  }

  acquire(request: AcquireRequest, by: number): Promise<Acquired> {
    return this.#store.acquire(request, by)
  }

  renew(key: string, token: Token, leaseMs: number, by: number): Promise<boolean> {
    return this.#store.renew(key, token, leaseMs, by)
  }

  fill(request: FillRequest, by: number): Promise<Filled> {
    return this.#store.fill(request, by)
  }

  release(key: string, token: Token, by: number): Promise<boolean> {
    return this.#store.release(key, token, by)
  }

  invalidate(keys: readonly string[], by: number): Promise<Reached> {
    return this.#tell(() => this.#store.invalidate(keys, by), this.#keys(keys), by)
  }

  invalidateTags(tags: readonly string[], by: number): Promise<Reached> {
    return this.#tell(() => this.#store.invalidateTags(tags, by), this.#tags(tags), by)
  }

  expire(keys: readonly string[], by: number): Promise<Reached> {
    return this.#tell(() => this.#store.expire(keys, by), this.#keys(keys), by)
  }

  expireTags(tags: readonly string[], by: number): Promise<Reached> {
    return this.#tell(() => this.#store.expireTags(tags, by), this.#tags(tags), by)
  }

  clear(by: number): Promise<Reached> {
    const change: Change = { kind: 'namespace', namespace: this.#namespace }
    return this.#tell(() => this.#store.clear(by), change, by)
  }

  async put(request: PutRequest, by: number): Promise<PutReply> {
    const reply = await this.#store.put(request, by)
    if (reply.outcome !== 'stored') return reply
    const told = await this.#bus.announce(this.#keys([request.key]), by)
    return { ...reply, reached: this.#worst(reply.reached ?? 'applied', told) }
  }

  async quarantine(names: Names, token: Token, lifeMs: number, by: number): Promise<void> {
    await this.#store.quarantine(names, token, lifeMs, by)
    // Not waited for: what the write is about is told of when it is done, and if nobody is left to do that, the silence is.
    if (names.keys.length > 0) void this.#bus.announce(this.#keys(names.keys), by)
    if (names.tags.length > 0) void this.#bus.announce(this.#tags(names.tags), by)
  }

  unquarantine(names: Names, token: Token, by: number): Promise<void> {
    return this.#store.unquarantine(names, token, by)
  }

  close(): void {
    this.#store.close()
  }

  async #tell(act: () => Promise<Reached>, change: Change, by: number): Promise<Reached> {
    if (!this.#bus.rules.tellsBehindL2()) {
      const told = await this.#bus.announce(change, by)
      return this.#worst(await act(), told)
    }
    const reached = await act()
    return this.#worst(reached, await this.#bus.announce(change, by))
  }

  #worst(reached: Reached, told: Reached): Reached {
    if (reached === 'queued') this.#oweAll()
    return told === 'queued' ? told : reached
  }

  /** Others may still read what the part holds, and keep it: when it has been told, they let go of it. */
  #oweAll(): void {
    if (this.#isOwing) return
    this.#isOwing = true
    this.#bus.owe(() => {
      if (this.owed > 0) return false
      this.#isOwing = false
      return true
    })
  }

  #keys(names: readonly string[]): Change {
    return { kind: 'keys', namespace: this.#namespace, names }
  }

  #tags(names: readonly string[]): Change {
    return { kind: 'tags', namespace: this.#namespace, names }
  }
}
