import {
  type Acquired,
  type AcquireRequest,
  CacheError,
  type Clock,
  type Filled,
  type FillRequest,
  type Invalidation,
  type KeptOn,
  type Names,
  type NamespaceStore,
  type PutReply,
  type PutRequest,
  type Reached,
  type ReadRequest,
  type ServerState,
  type Store,
  type StoreWatcher,
  type Token,
  type Tokens,
} from 'holdfast/contracts'
import { changedRead } from '../conformance/changed-read.ts'
import { Part, type PartRules } from './part.ts'

/** What a namespace of several parts needs of its store. */
export interface Parts {
  readonly clock: Clock
  readonly rules: PartRules
  partOf(key: string): number
}

/** One namespace on several parts: a key goes to its part, what concerns every entry to all of them. */
export class PartedNamespace implements NamespaceStore {
  readonly part: (key: string) => number
  readonly #parts: readonly Part[]
  readonly #rules: PartRules
  readonly #watcher: StoreWatcher
  #generation = 0
  #isConnected = false
  #isClosed = false

  constructor(stores: readonly Store[], name: string, watcher: StoreWatcher, parts: Parts) {
    this.part = parts.partOf
    this.#rules = parts.rules
    this.#watcher = watcher
    const made: Part[] = []
    this.#parts = made
    for (const store of stores) {
      made.push(new Part(store, name, parts.clock, parts.rules, () => this.#changed()))
    }
    this.#changed()
  }

  get owed(): number {
    return this.#parts.reduce((sum, part) => sum + part.owed.size, 0)
  }

  get servers(): readonly ServerState[] {
    return this.#parts.map((part, i) => stateOf(part, i))
  }

  serverOf(key: string): KeptOn {
    return stateOf(this.#of(key), this.part(key))
  }

  read(request: ReadRequest, by: number): void {
    const part = this.#of(request.key)
    if (this.#isClosed || !part.isUsed) {
      const error = this.#isClosed ? closed() : part.away()
      queueMicrotask(() => request.failed(error))
      return
    }
    const routed = changedRead(request, {
      answered: (found, tokens) =>
        part.isUsed ? request.answered(found, tokens) : request.failed(part.away()),
      failed: (error) => request.failed(isAnswer(error) ? error : part.away(error)),
    })
    part.names.read(routed, by)
  }

  tokens(key: string, tags: readonly string[], mintLifeMs: number | undefined, by: number): Promise<Tokens> {
    return this.#use(key, (names) => names.tokens(key, tags, mintLifeMs, by))
  }

  acquire(request: AcquireRequest, by: number): Promise<Acquired> {
    return this.#use(request.key, (names) => names.acquire(request, by))
  }

  renew(key: string, token: Token, leaseMs: number, by: number): Promise<boolean> {
    return this.#use(key, (names) => names.renew(key, token, leaseMs, by))
  }

  fill(request: FillRequest, by: number): Promise<Filled> {
    return this.#use(request.key, (names) => names.fill(request, by))
  }

  release(key: string, token: Token, by: number): Promise<boolean> {
    return this.#use(key, (names) => names.release(key, token, by))
  }

  async put(request: PutRequest, by: number): Promise<PutReply> {
    const { key } = request
    try {
      return await this.#use(key, (names) => names.put(request, by))
    } catch (error) {
      // A late copy of it may still arrive there.
      if (error instanceof CacheError && error.code === 'l2_part_away')
        void this.#of(key).tell({ kind: 'keys', names: [key] }, by)
      throw error
    }
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

  async quarantine(names: Names, token: Token, lifeMs: number, by: number): Promise<void> {
    await this.#holding(names, (part, own) => part.use((store) => store.quarantine(own, token, lifeMs, by)))
  }

  async unquarantine(names: Names, token: Token, by: number): Promise<void> {
    await this.#holding(names, (part, own) => part.use((store) => store.unquarantine(own, token, by)))
  }

  close(): void {
    this.#isClosed = true
    for (const part of this.#parts) part.names.close()
  }

  #of(key: string): Part {
    const part = this.#parts[this.part(key)]
    if (part === undefined) throw new RangeError('no such part')
    return part
  }

  #use<T>(key: string, operation: (names: NamespaceStore) => Promise<T>): Promise<T> {
    return this.#isClosed ? Promise.reject(closed()) : this.#of(key).use(operation)
  }

  async #tellOwners(kind: 'keys' | 'expire-keys', keys: readonly string[], by: number): Promise<Reached> {
    if (this.#isClosed) throw closed()
    const told = this.#parts.map((part, i) => {
      const names = keys.filter((key) => this.#rules.hearsOfKey(i, this.part(key)))
      return names.length === 0 ? 'applied' : part.tell({ kind, names }, by)
    })
    return worst(await Promise.all(told))
  }

  async #tellAll(invalidation: Invalidation, by: number): Promise<Reached> {
    if (this.#isClosed) throw closed()
    const told = this.#parts.filter((_, i) => this.#rules.hearsOfAll(i))
    return worst(await Promise.all(told.map((part) => part.tell(invalidation, by))))
  }

  /** Each part that keeps one of these names: its own keys, and all of the tags. */
  async #holding(names: Names, each: (part: Part, own: Names) => Promise<void>): Promise<void> {
    if (this.#isClosed) throw closed()
    const work = this.#parts.map((part) => {
      const keys = names.keys.filter((key) => this.#of(key) === part)
      return keys.length + names.tags.length === 0 ? undefined : each(part, { keys, tags: names.tags })
    })
    await Promise.all(work)
  }

  #changed(): void {
    const connected = this.#parts.filter((part) => part.isConnected)
    const isConnected = connected.length > 0
    const hasChanged = isConnected !== this.#isConnected
    this.#isConnected = isConnected
    if (isConnected && hasChanged)
      this.#watcher.connected({ server: 'memory', version: '1', generation: ++this.#generation })
    else if (isConnected) this.#watcher.verified(Math.min(...connected.map((part) => part.verifiedMs)))
    else if (hasChanged) this.#watcher.lost()
    if (this.#rules.tellsHowTheyStand) this.#watcher.serversChanged?.()
  }
}

function stateOf(part: Part, i: number): ServerState {
  const state = part.isUsed ? 'used' : part.isConnected ? 'owed' : 'away'
  return { address: `memory ${i}`, state, owed: part.owed.size }
}

function worst(reached: readonly Reached[]): Reached {
  return reached.includes('queued') ? 'queued' : 'applied'
}

function isAnswer(error: unknown): boolean {
  return !(error instanceof CacheError && (error.code === 'l2_timeout' || error.code === 'l2_unavailable'))
}

function closed(): CacheError {
  return new CacheError('closed', 'the namespace was closed')
}
