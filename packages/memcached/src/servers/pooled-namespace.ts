import {
  type Acquired,
  type AcquireRequest,
  CacheError,
  type Filled,
  type FillRequest,
  type Invalidation,
  type Names,
  type NamespaceStore,
  type PutReply,
  type PutRequest,
  type Reached,
  type ReadRequest,
  type StoreEnvironment,
  type StoreWatcher,
  type Token,
  type Tokens,
} from 'holdfast/contracts'
import { NamespaceOnServer } from './namespace-on-server.ts'
import type { PoolRules } from './pool-rules.ts'
import type { PoolServer } from './pool-server.ts'
import type { Ring } from './ring.ts'
import { RoutedRead } from './routed-read.ts'

// How long a namespace that was just opened waits for the last of its servers: those that are here are not used before,
// so that a process that starts does not load around the others.
const OPENING_MS = 150

/** One namespace over the servers of a ring: a key goes to its own, what concerns every entry to all of them. */
export class PooledNamespace implements NamespaceStore {
  readonly part: (key: string) => number
  readonly #name: string
  readonly #environment: StoreEnvironment
  readonly #rules: PoolRules
  readonly #watcher: StoreWatcher
  readonly #onClose: () => void
  /** undefined: not known yet, or just being changed. */
  #ring: Ring | undefined
  #parts: readonly NamespaceOnServer[] = []
  #isOpening = false
  #isUp = false
  #generation = 0
  #isClosed = false

  constructor(
    name: string,
    pool: { readonly environment: StoreEnvironment; readonly rules: PoolRules },
    watcher: StoreWatcher,
    onClose: () => void,
  ) {
    this.#name = name
    this.#environment = pool.environment
    this.#rules = pool.rules
    this.#watcher = watcher
    this.#onClose = onClose
    this.part = (key) => (this.#ring === undefined ? 0 : this.#partOf(this.#ring, key))
  }

  /** From here on keys are those of this ring. */
  enter(ring: Ring): void {
    if (this.#isClosed) return
    this.leave()
    const parts: NamespaceOnServer[] = []
    this.#ring = ring
    this.#parts = parts
    this.#isOpening = true
    const events = { changed: () => this.#changed(), verified: () => this.#verified() }
    const on = { rules: this.#rules, alone: ring.servers.length === 1 }
    for (const server of ring.servers) {
      parts.push(new NamespaceOnServer(server, `${ring.epoch}:${this.#name}`, this.#environment, on, events))
    }
    this.#environment.clock.after(OPENING_MS, () => {
      if (this.#ring !== ring) return
      this.#isOpening = false
      this.#changed()
    })
    this.#changed()
  }

  /** Nothing is read or stored until the next ring is entered. What this one is owed is void with it. */
  leave(): void {
    const left = this.#parts
    this.#ring = undefined
    this.#parts = []
    for (const part of left) part.close()
    this.#changed()
  }

  get owed(): number {
    return this.#parts.reduce((sum, part) => sum + part.owed, 0)
  }

  owedTo(server: PoolServer): number {
    return this.#parts.find((part) => part.server === server)?.owed ?? 0
  }

  read(request: ReadRequest, by: number): void {
    const at = this.#find(request.key)
    if (at?.isUsed !== true) request.failed(at?.absence ?? this.#absence())
    else at.names.read(new RoutedRead(request, at, by, by - this.#environment.clock.now()), by)
  }

  tokens(key: string, tags: readonly string[], mintLifeMs: number | undefined, by: number): Promise<Tokens> {
    return this.#use(key, (names) => names.tokens(key, tags, mintLifeMs, by), by)
  }

  acquire(request: AcquireRequest, by: number): Promise<Acquired> {
    return this.#use(request.key, (names) => names.acquire(request, by), by)
  }

  renew(key: string, token: Token, leaseMs: number, by: number): Promise<boolean> {
    return this.#use(key, (names) => names.renew(key, token, leaseMs, by), by)
  }

  /** A lease of another server than the one that the key belongs to now is refused there. */
  fill(request: FillRequest, by: number): Promise<Filled> {
    const isHome = this.part(request.key) === this.#ring?.homeOf(request.key)
    return this.#use(request.key, (names) => names.fill(isHome ? request : this.#inGutter(request), by), by)
  }

  release(key: string, token: Token, by: number): Promise<boolean> {
    return this.#use(key, (names) => names.release(key, token, by), by)
  }

  invalidate(keys: readonly string[], by: number): Promise<Reached> {
    return this.#tellOwners('keys', keys, by)
  }

  expire(keys: readonly string[], by: number): Promise<Reached> {
    return this.#tellOwners('expire-keys', keys, by)
  }

  invalidateTags(tags: readonly string[], by: number): Promise<Reached> {
    return this.#tellAll({ kind: 'tags', names: tags }, by)
  }

  expireTags(tags: readonly string[], by: number): Promise<Reached> {
    return this.#tellAll({ kind: 'expire-tags', names: tags }, by)
  }

  clear(by: number): Promise<Reached> {
    return this.#tellAll({ kind: 'clear' }, by)
  }

  /** Only by the key's own server: what is put must not be lost in ten seconds. The gutter forgets what it has. */
  async put(request: PutRequest, by: number): Promise<PutReply> {
    const { key } = request
    const ring = this.#open()
    const home = this.#at(ring.homeOf(key))
    const gutter = this.#toldToo(ring, key)
    const forget: Invalidation = { kind: 'keys', names: [key] }
    const forgotten = gutter === undefined ? undefined : this.#at(gutter).tell(forget, by)
    try {
      const reply = await home.use((names) => names.put(request, by), by)
      const reached = await forgotten
      return reached === undefined ? reply : { ...reply, reached }
    } catch (error) {
      // Whatever arrived there, or will: a late copy of this write must not stay.
      if (error instanceof CacheError && error.code === 'l2_part_away') home.owe(forget)
      throw error
    }
  }

  async quarantine(names: Names, token: Token, lifeMs: number, by: number): Promise<void> {
    await this.#onHolders(names, (store, held) => store.quarantine(held, token, lifeMs, by), by)
  }

  async unquarantine(names: Names, token: Token, by: number): Promise<void> {
    await this.#onHolders(names, (store, held) => store.unquarantine(held, token, by), by)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const part of this.#parts) part.close()
    this.#onClose()
  }

  /** The gutter's, while the key's own server is not used and the gutter's is. */
  #partOf(ring: Ring, key: string): number {
    const home = ring.homeOf(key)
    if (this.#parts[home]?.isUsed === true) return home
    const gutter = ring.gutterOf(key)
    return gutter !== undefined && this.#parts[gutter]?.isUsed === true ? gutter : home
  }

  #find(key: string): NamespaceOnServer | undefined {
    return this.#isClosed || this.#ring === undefined ? undefined : this.#parts[this.#partOf(this.#ring, key)]
  }

  #at(index: number): NamespaceOnServer {
    const part = this.#parts[index]
    if (part === undefined) throw new RangeError(`the ring has no server ${index}`)
    return part
  }

  /** The ring in use. Throws where there is none, now or for good. */
  #open(): Ring {
    if (this.#isClosed || this.#ring === undefined) throw this.#absence()
    return this.#ring
  }

  #absence(): CacheError {
    if (this.#isClosed) return new CacheError('closed', 'the namespace was closed', { tier: 'l2' })
    const message = 'the list of servers is not known yet, or just changes'
    return new CacheError('l2_unavailable', message, { tier: 'l2', retryable: true })
  }

  #use<T>(key: string, operation: (names: NamespaceStore) => Promise<T>, by: number): Promise<T> {
    const at = this.#find(key)
    return at === undefined ? Promise.reject(this.#absence()) : at.use(operation, by)
  }

  async #tellOwners(kind: 'keys' | 'expire-keys', keys: readonly string[], by: number): Promise<Reached> {
    const told = this.#byHolder(this.#open(), keys).map(([part, names]) => part.tell({ kind, names }, by))
    return worst(await Promise.all(told))
  }

  async #tellAll(invalidation: Invalidation, by: number): Promise<Reached> {
    this.#open()
    return worst(await Promise.all(this.#parts.map((part) => part.tell(invalidation, by))))
  }

  /** Every server that may have one of these names: of the keys their own and their gutter's, of tags all. */
  async #onHolders(
    { keys, tags }: Names,
    operation: (store: NamespaceStore, held: Names) => Promise<void>,
    by: number,
  ): Promise<void> {
    const byHolder = new Map(this.#byHolder(this.#open(), keys))
    const holders = tags.length > 0 ? this.#parts : [...byHolder.keys()]
    const work = holders.map((part) =>
      part.use((store) => operation(store, { keys: byHolder.get(part) ?? [], tags }), by),
    )
    // All of them have ended before it is told that one has failed.
    const ended = await Promise.allSettled(work)
    for (const one of ended) if (one.status === 'rejected') throw one.reason
  }

  /** The gutter's server of a key, always: a process that sees the key's own server does not know who does not. */
  #toldToo(ring: Ring, key: string): number | undefined {
    return this.#rules.tellsGutter ? ring.gutterOf(key) : undefined
  }

  /** Every server that may have one of these keys, and which. */
  #byHolder(ring: Ring, keys: readonly string[]): [NamespaceOnServer, readonly string[]][] {
    const byPart = new Map<number, string[]>()
    const add = (part: number, key: string) => {
      const held = byPart.get(part)
      if (held === undefined) byPart.set(part, [key])
      else held.push(key)
    }
    for (const key of keys) {
      add(ring.homeOf(key), key)
      const gutter = this.#toldToo(ring, key)
      if (gutter !== undefined) add(gutter, key)
    }
    return Array.from(byPart, ([part, held]) => [this.#at(part), held])
  }

  #inGutter(request: FillRequest): FillRequest {
    const { entry } = request
    const { gutterMs } = this.#rules
    const life = { ttlMs: Math.min(entry.ttlMs, gutterMs), keepMs: Math.min(entry.keepMs, gutterMs) }
    return { ...request, entry: { ...entry, ...life } }
  }

  #changed(): void {
    const up = this.#parts.filter((part) => part.isUp)
    // Those that are here wait for the others, for a moment, when a namespace is opened.
    const isUp = up.length > 0 && (this.#isUp || !this.#isOpening || up.length === this.#parts.length)
    if (this.#isClosed || isUp === this.#isUp) return
    this.#isUp = isUp
    if (isUp) this.#isOpening = false
    if (!isUp) this.#watcher.lost()
    else this.#watcher.connected({ ...this.#facts(up), generation: ++this.#generation })
  }

  #facts(up: readonly NamespaceOnServer[]): { server: string; version: string } {
    const of = (name: 'server' | 'version') =>
      [...new Set(up.flatMap(({ facts }) => (facts === undefined ? [] : [facts[name]])))].join(', ')
    return { server: of('server'), version: of('version') }
  }

  #verified(): void {
    const up = this.#parts.filter((part) => part.isUp)
    if (this.#isUp && up.length > 0) this.#watcher.verified(Math.min(...up.map((part) => part.verifiedMs)))
  }
}

function worst(reached: readonly Reached[]): Reached {
  return reached.includes('queued') ? 'queued' : 'applied'
}
