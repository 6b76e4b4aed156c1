import {
  type FaultProxy,
  type MemcachedServer,
  type StartMemcachedOptions,
  startFaultProxy,
  startMemcached,
  until,
} from '@holdfast/testkit'
import { type Connect, connectSocket } from '@holdfast/wire'
import { type Cache, type CacheOptions, createCache, type StoreDefinition } from 'holdfast'
import { type NameKind, Names } from '../../island/names.ts'
import { createPlacement } from '../create-placement.ts'
import { nameInRing } from '../island.ts'
import { type ListSource, staticList } from '../list-source.ts'
import { memcachedPool } from '../memcached-pool.ts'
import type { ListedServer } from '../placement.ts'
import type { PoolRules } from '../pool-rules.ts'
import { ringEpoch } from '../ring-epoch.ts'
import { addressOf } from './address-of.ts'

/** One process of a fleet. */
export interface FleetNode {
  readonly cache: Cache
  /** Its own way to each server of the fleet, then to each of the gutter. */
  readonly ways: readonly FaultProxy[]
  readonly warnings: readonly string[]
}

export interface NodeOptions {
  readonly rules?: Partial<PoolRules>
  readonly cache?: Partial<CacheOptions>
  /** Default: all servers of the fleet, as a static list. */
  readonly source?: ListSource
}

const NAME = 'fleet'

/** Real servers, and processes each of which has a network of its own to them. */
export class Fleet implements AsyncDisposable {
  readonly servers: readonly MemcachedServer[]
  readonly gutter: readonly MemcachedServer[]
  readonly #nodes: FleetNode[] = []

  constructor(servers: readonly MemcachedServer[], gutter: readonly MemcachedServer[]) {
    this.servers = servers
    this.gutter = gutter
  }

  static async start(count: number, gutterCount = 0, options: StartMemcachedOptions = {}): Promise<Fleet> {
    // In the order in which a pool has them.
    const many = async (n: number) => {
      const started = await Promise.all(Array.from({ length: n }, () => startMemcached(options)))
      return started.toSorted((a, b) => (`${a.port}` < `${b.port}` ? -1 : 1))
    }
    return new Fleet(await many(count), await many(gutterCount))
  }

  get listed(): readonly ListedServer[] {
    return this.servers.map(listedAs)
  }

  /** The server that keeps a key, by its index. */
  homeOf(key: string): number {
    return createPlacement('ketama', this.listed).serverOf(key)
  }

  /** Keys that one server keeps. */
  keysOf(server: number, count: number): string[] {
    const keys: string[] = []
    for (let i = 0; keys.length < count; i++) if (this.homeOf(`k${i}`) === server) keys.push(`k${i}`)
    return keys
  }

  /** Under which key a server has the value of a key, or another thing of that name. */
  storedAs(name: string, kind: NameKind = 'v'): string {
    const description = { servers: this.listed, placement: 'ketama', version: undefined } as const
    const epoch = ringEpoch({ ...description, gutter: this.gutter.map(listedAs) })
    return new Names(nameInRing(epoch, NAME)).of(kind, name).text
  }

  /** One more process, connected to every server that is there. */
  async node(options: NodeOptions = {}): Promise<FleetNode> {
    const servers = [...this.servers, ...this.gutter]
    const ways = await Promise.all(servers.map(({ port }) => startFaultProxy({ port })))
    const connect: Connect = (endpoint, listener) => {
      if (endpoint.transport !== 'tcp') return connectSocket(endpoint, listener)
      const way = ways[servers.findIndex(({ port }) => port === endpoint.port)]
      return connectSocket({ ...endpoint, port: way?.port ?? endpoint.port }, listener)
    }
    const warnings: string[] = []
    const node = { cache: createCache({ ...this.#options(options, connect, warnings) }), ways, warnings }
    this.#nodes.push(node)
    await until('every server is used', async () => {
      const facts = await node.cache.inspect().catch(() => undefined)
      const areUsed = facts?.servers?.every(({ state }) => state === 'used') ?? facts !== undefined
      return areUsed && node.cache.stats().l2.online
    })
    return node
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map(({ cache }) => cache.close()))
    await Promise.all(this.#nodes.flatMap(({ ways }) => ways.map((way) => way.close())))
    await Promise.all([...this.servers, ...this.gutter].map((server) => server.stop()))
  }

  #options(options: NodeOptions, connect: Connect, warnings: string[]): CacheOptions {
    return {
      name: NAME,
      ttl: '1h',
      jitter: 0,
      l1: false,
      l2: this.#pool(options, connect),
      logger: { info() {}, warn: (line) => void warnings.push(line) },
      ...options.cache,
    }
  }

  #pool({ rules = {}, source = staticList(this.listed) }: NodeOptions, connect: Connect): StoreDefinition {
    const gutter = this.gutter.map(listedAs)
    return memcachedPool({ source, placement: 'ketama', gutter, addressOf, connect, rules })
  }
}

export function listedAs({ port }: MemcachedServer): ListedServer {
  return { host: '127.0.0.1', port, weight: 1 }
}
