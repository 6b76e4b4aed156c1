import {
  CacheError,
  type NamespaceStore,
  type ServerFacts,
  type ServerState,
  type Store,
  type StoreCapabilities,
  type StoreEnvironment,
  type StoreFacts,
  type StoreWatcher,
} from 'holdfast/contracts'
import { createPlacement } from './create-placement.ts'
import type { OpenIsland } from './island.ts'
import type { ListSource, OpenListSource, ServerList } from './list-source.ts'
import type { ListedServer, PlacementName } from './placement.ts'
import { type PoolRules, poolRules } from './pool-rules.ts'
import { PoolServer } from './pool-server.ts'
import { type NamespacePool, PooledNamespace } from './pooled-namespace.ts'
import { Ring } from './ring.ts'
import { ringEpoch, sortedServers } from './ring-epoch.ts'

/** What a pool is made of. */
export interface PoolOptions {
  readonly source: ListSource
  readonly placement: PlacementName
  /** Servers that take the loads of one that is away, for ten seconds each. */
  readonly gutter: readonly ListedServer[]
  readonly openIsland: OpenIsland
  /** Of every one of its islands. */
  readonly capabilities: StoreCapabilities
  /** For checks that switch one off. */
  readonly rules?: Partial<PoolRules>
}

// A list that grows beyond it is a mistake, or somebody's who must not make us connect to thousands.
const SERVERS_MAX = 1_000
// How long the connection to a server that left the list is kept, to seal what it had.
const FORMER_MS = 60_000
const WORST_FIRST: readonly ServerState['state'][] = ['displaced', 'away', 'waiting', 'owed', 'used']

/** Many Memcached servers as one store: each is an island, and a key lives on one of them with all that belongs to it. */
export class ServerPool implements Store {
  readonly capabilities: StoreCapabilities
  readonly address: string
  readonly #options: PoolOptions
  readonly #environment: StoreEnvironment
  readonly #rules: PoolRules
  #source: OpenListSource | undefined
  readonly #namespaces = new Map<string, PooledNamespace>()
  /** By host and port. */
  readonly #servers = new Map<string, PoolServer>()
  /** Wall time. */
  readonly #since: number
  #ring: Ring | undefined
  #trouble: string | undefined
  #isClosed = false

  constructor(options: PoolOptions, environment: StoreEnvironment) {
    this.#options = options
    this.#environment = environment
    this.#rules = { ...poolRules, ...options.rules }
    this.capabilities = options.capabilities
    this.address = options.source.address
    this.#since = environment.clock.wallNow()
    this.#source = options.source.open({
      told: (list) => this.#told(list),
      trouble: (error) => this.#troubled(error),
    })
  }

  get online(): boolean {
    return this.#inUse.some(({ island }) => island.online)
  }

  get lastError(): Error | undefined {
    const [first, second] = this.#inUse
    return second === undefined ? first?.island.lastError : undefined
  }

  namespace(name: string, watcher: StoreWatcher): NamespaceStore {
    if (this.#namespaces.has(name)) {
      throw new CacheError('invalid_argument', `namespace: ${JSON.stringify(name)} is open already`)
    }
    const opened = new PooledNamespace(name, this.#pool(), watcher, () => this.#namespaces.delete(name))
    this.#namespaces.set(name, opened)
    if (this.#ring !== undefined) opened.enter(this.#ring)
    return opened
  }

  /** Of the servers that are connected; rejects where there is none. */
  async barrier(by: number): Promise<void> {
    await Promise.all(this.#online().map(({ island }) => island.barrier(by)))
  }

  async inspect(by: number): Promise<StoreFacts> {
    const [first] = this.#online()
    if (first !== undefined && this.#inUse.length === 1) return await this.#inspectSole(first, by)
    const asked = await Promise.allSettled(this.#inUse.map(({ island }) => island.inspect(by)))
    if (asked.every(({ status }) => status === 'rejected')) {
      const cause: unknown = asked[0]?.status === 'rejected' ? asked[0].reason : undefined
      throw new CacheError('l2_timeout', `none of ${this.address} answers`, { tier: 'l2', cause })
    }
    return sumOf(asked.map((one, i) => this.#factsOf(i, one.status === 'fulfilled' ? one.value : undefined)))
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#source?.close()
    for (const opened of [...this.#namespaces.values()]) opened.close()
    await Promise.all(Array.from(this.#servers.values(), (server) => server.close()))
  }

  #pool(): NamespacePool {
    return {
      environment: this.#environment,
      rules: this.#rules,
      address: this.address,
      find: (address) => this.#servers.get(address),
      refresh: () => this.#source?.refresh(),
    }
  }

  get #inUse(): readonly PoolServer[] {
    return this.#ring?.servers ?? []
  }

  #online(): readonly PoolServer[] {
    const online = this.#inUse.filter(({ island }) => island.online)
    if (this.#isClosed) throw new CacheError('closed', 'the store was closed', { tier: 'l2' })
    if (online.length > 0) return online
    throw this.#notConnected()
  }

  /** Of several, one says why: mostly they are away for the same reason. */
  #notConnected(): CacheError {
    const away = this.#inUse.find(({ island }) => island.lastError !== undefined) ?? this.#inUse[0]
    const cause = away?.island.lastError
    const what = this.#inUse.length > 1 ? `none of ${this.address} is` : `${this.address} is not`
    const why = cause === undefined ? '' : ` (${cause.message})`
    const message = `${what} connected${why}`
    return new CacheError('l2_unavailable', message, { tier: 'l2', retryable: true, cause })
  }

  #told(list: ServerList): void {
    this.#trouble = undefined
    const { placement } = this.#options
    const { version } = list
    const servers = distinct(list.servers).slice(0, SERVERS_MAX)
    const gutter = distinct(this.#options.gutter).filter(
      (stand) => !servers.some((server) => addressOf(server) === addressOf(stand)),
    )
    const epoch = ringEpoch({ servers, placement, gutter, version })
    if (this.#isClosed || servers.length === 0 || epoch === this.#ring?.record.epoch) return
    const ringOf = (listed: readonly ListedServer[]) => ({
      servers: listed.map((server) => this.#server(server)),
      placement: createPlacement(placement, listed),
    })
    const addresses = [...servers, ...gutter].map(addressOf)
    const ring = new Ring(
      { epoch, version: version ?? 0, since: this.#since, servers: addresses },
      ringOf(servers),
      gutter.length === 0 ? undefined : ringOf(gutter),
    )
    this.#ring = ring
    for (const opened of this.#namespaces.values()) opened.enter(ring)
    this.#environment.clock.after(FORMER_MS, () => this.#closeFormer())
  }

  /** Said once, until a list is told again. */
  #troubled(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error)
    if (this.#isClosed || text === this.#trouble) return
    this.#trouble = text
    const what = this.#ring === undefined ? 'no servers are known yet' : 'the servers stay what they were'
    this.#environment.log('warn', `L2 ${this.address}: ${what} (${text})`)
  }

  #server(listed: ListedServer): PoolServer {
    const name = addressOf(listed)
    const known = this.#servers.get(name)
    if (known !== undefined) return known
    const island = this.#options.openIsland(listed, this.#environment)
    const made = new PoolServer(listed, island, this.#environment)
    this.#servers.set(name, made)
    return made
  }

  /** Those that are in no list any more: by now they are sealed, or their records have ended. */
  #closeFormer(): void {
    for (const [name, server] of this.#servers) {
      if (this.#inUse.includes(server)) continue
      this.#servers.delete(name)
      server.close().catch(() => undefined)
    }
  }

  /** Of the only server: how it stands where it is there and not used. */
  async #inspectSole({ island }: PoolServer, by: number): Promise<StoreFacts> {
    const facts = await island.inspect(by)
    const one = this.#factsOf(0, facts)
    return one.state === 'used' ? facts : { ...facts, servers: [one] }
  }

  /** A server stands for the cache as it does for the namespace that can use it least. */
  #factsOf(server: number, facts: StoreFacts | undefined): ServerFacts {
    const stands = [...this.#namespaces.values()].flatMap(({ states }) => states[server] ?? [])
    const state = WORST_FIRST.find((one) => stands.some((its) => its.state === one)) ?? 'used'
    const owed = stands.reduce((sum, its) => sum + its.owed, 0)
    const { address = '', online = false, lastError: cause } = this.#inUse[server]?.island ?? {}
    const role = this.#ring?.roleOf(server)
    return {
      address,
      ...(role === undefined ? {} : { role }),
      state: facts === undefined ? 'away' : state,
      owed,
      ...(online ? {} : { cause }),
      facts,
    }
  }
}

/** Facts of the whole: numbers are sums of what the servers tell, words are all of them. */
function sumOf(servers: readonly ServerFacts[]): StoreFacts {
  const told = servers.flatMap(({ facts }) => facts ?? [])
  const words = (of: (facts: StoreFacts) => string | undefined) =>
    [...new Set(told.map(of).filter((word) => word !== undefined))].join(', ')
  const sum = (of: (facts: StoreFacts) => number | undefined) => {
    const numbers = told.map(of).filter((number) => number !== undefined)
    return numbers.length === 0 ? undefined : numbers.reduce((total, number) => total + number, 0)
  }
  return {
    server: words(({ server }) => server),
    version: words(({ version }) => version),
    usedBytes: sum(({ usedBytes }) => usedBytes),
    maxBytes: sum(({ maxBytes }) => maxBytes),
    evictionPolicy: words(({ evictionPolicy }) => evictionPolicy) || undefined,
    evictedKeys: sum(({ evictedKeys }) => evictedKeys),
    keys: sum(({ keys }) => keys),
    servers,
  }
}

function addressOf({ host, port }: ListedServer): string {
  return `${host}:${port}`
}

/** Each server once, in the order in which every process has them. */
function distinct(servers: readonly ListedServer[]): readonly ListedServer[] {
  return sortedServers([...new Map(servers.map((server) => [addressOf(server), server])).values()])
}
