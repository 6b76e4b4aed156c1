import {
  type ManualClock,
  type MemoryConnection,
  type MemoryServer,
  type MemoryStore,
  manualClock,
  memoryServer,
  memoryStore,
} from '@holdfast/testkit'
import { type Cache, type CacheOptions, createCache } from 'holdfast'
import { CacheError, type StoreDefinition } from 'holdfast/contracts'
import type { Island } from '../island.ts'
import { staticList } from '../list-source.ts'
import type { ListedServer } from '../placement.ts'
import type { PoolRules } from '../pool-rules.ts'
import type { RingItem } from '../ring-items.ts'
import { ServerPool } from '../server-pool.ts'

/** Servers of testkit's model, by the names under which a pool lists them. */
export class ModelServers {
  readonly listed: readonly ListedServer[]
  readonly servers: readonly MemoryServer[]

  constructor(count: number, host: string, make: () => MemoryServer = memoryServer) {
    this.listed = Array.from({ length: count }, (_, i) => ({ host: `${host}-${i}`, port: 1, weight: 1 }))
    this.servers = this.listed.map(() => make())
  }

  find({ host }: ListedServer): MemoryServer | undefined {
    return this.servers[this.listed.findIndex((listed) => listed.host === host)]
  }
}

export interface ModelPoolOptions {
  readonly gutter?: ModelServers
  readonly rules?: Partial<PoolRules>
}

/** A pool over models: what a pool adds to its islands, without sockets. */
export function modelPool(models: ModelServers, options: ModelPoolOptions = {}): StoreDefinition {
  const { gutter, rules } = options
  return {
    open: (environment) =>
      new ServerPool(
        {
          source: staticList(models.listed),
          placement: 'ketama',
          gutter: gutter?.listed ?? [],
          openIsland: (listed, own) => {
            const server = models.find(listed) ?? gutter?.find(listed)
            if (server === undefined) throw new Error(`no server is called ${listed.host}`)
            return modelIsland(listed.host, server, memoryStore(server).open(own))
          },
          capabilities: { push: false, leaseMinMs: 1, lacks: { push: 'as Memcached' } },
          ...(rules === undefined ? {} : { rules }),
        },
        environment,
      ),
  }
}

/** The records that a model keeps of rings, by namespace. It cannot be sealed: changes of the list are tested on real servers. */
const records = new WeakMap<MemoryServer, Map<string, RingItem>>()

function modelIsland(address: string, server: MemoryServer, store: MemoryStore): Island {
  const kept = records.get(server) ?? new Map<string, RingItem>()
  records.set(server, kept)
  const online = <T>(answer: () => T | Promise<T>): Promise<T> =>
    store.online
      ? Promise.resolve(answer())
      : Promise.reject(new CacheError('l2_unavailable', 'no connection'))
  return {
    capabilities: store.capabilities,
    address,
    get online() {
      return store.online
    },
    namespace: (name, watcher) => store.namespace(name, watcher),
    barrier: (by) => store.barrier(by),
    inspect: (by) => store.inspect(by),
    close: () => store.close(),
    takeAbsence: () => false,
    ringItems: (namespace) => ({
      look: () =>
        online(() => {
          const record = kept.get(namespace)
          return { record: record === undefined ? undefined : { ...record, cas: '1' }, token: undefined }
        }),
      glance: () => online(() => ({ mark: kept.get(namespace)?.mark, isSealed: false })),
      write: (record) => online(() => kept.set(namespace, record) !== undefined),
      prolong: () => online(() => ({ mark: kept.get(namespace)?.mark, isSealed: false })),
      seal: () => online(() => undefined),
      renew: () => online(() => undefined),
    }),
  }
}

/** One process of a stage. */
export interface PoolNode {
  readonly cache: Cache
  /** Its connection to each server, then to each of the gutter. */
  readonly connections: readonly MemoryConnection[]
}

const TURNS_MAX = 20

/** Several processes in one, each with a pool of its own over three servers and a gutter of one. The clock stands still. */
export class PoolStage implements AsyncDisposable {
  readonly clock: ManualClock = manualClock({ seed: 1 })
  readonly models: ModelServers
  readonly gutter: ModelServers | undefined
  readonly #rules: Partial<PoolRules>
  readonly #caches: Cache[] = []

  constructor(options: { readonly gutter?: boolean; readonly rules?: Partial<PoolRules> } = {}) {
    const make = () => memoryServer({ clock: this.clock, schedule: queueMicrotask })
    this.models = new ModelServers(3, 'model', make)
    this.gutter = options.gutter === true ? new ModelServers(1, 'gutter', make) : undefined
    this.#rules = options.rules ?? {}
  }

  node(options: Partial<CacheOptions> = {}): PoolNode {
    const { clock, models, gutter } = this
    const l2 = modelPool(models, { rules: this.#rules, ...(gutter === undefined ? {} : { gutter }) })
    const logger = { info() {}, warn() {} }
    const cache = createCache({
      name: 'shop',
      ttl: '1h',
      jitter: 0,
      l1: false,
      clock,
      logger,
      l2,
      ...options,
    })
    this.#caches.push(cache)
    const servers = [...models.servers, ...(gutter?.servers ?? [])]
    return { cache, connections: servers.flatMap((server) => server.connections.at(-1) ?? []) }
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < TURNS_MAX; turn++) await this.clock.settle()
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms)
    await this.settle()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [...this.models.servers, ...(this.gutter?.servers ?? [])]) server.resume()
    await Promise.all(this.#caches.map((cache) => cache.close()))
  }
}
