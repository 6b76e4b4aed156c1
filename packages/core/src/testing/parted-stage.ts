import {
  type ManualClock,
  type MemoryConnection,
  type MemoryServer,
  manualClock,
  memoryServer,
  partedMemoryStore,
} from '@holdfast/testkit'
import type { Cache } from '../cache.ts'
import type { StoreDefinition } from '../contracts.ts'
import { createCacheWith } from '../create-cache.ts'
import { fence } from '../invalidation/fence.ts'
import type { CacheOptions } from '../options.ts'

type PartRules = NonNullable<Parameters<typeof partedMemoryStore>[1]>

/** What is switched off on every node of a stage. */
export interface PartsOff {
  readonly rules?: PartRules
  readonly store?: (definition: StoreDefinition) => StoreDefinition
}

/** One process: a cache, and its connection to each of the servers. */
export interface PartedNode {
  readonly cache: Cache
  readonly connections: readonly MemoryConnection[]
}

const TURNS_MAX = 20

/**
 * Several processes in one, on three servers of which each is a part of L2: 'a', 'd', 'g' … are kept by one, 'b', 'e' …
 * by the next, 'c', 'f' … by the last. The clock stands still.
 */
export class PartedStage implements AsyncDisposable {
  readonly clock: ManualClock = manualClock({ seed: 1 })
  readonly servers: readonly MemoryServer[]
  readonly #off: PartsOff
  readonly #caches: Cache[] = []

  constructor(off: PartsOff = {}) {
    this.#off = off
    const server = () => memoryServer({ clock: this.clock, schedule: queueMicrotask })
    this.servers = [server(), server(), server()]
  }

  /** The server that keeps this key. */
  serverOf(key: string): MemoryServer {
    const server = this.servers[partedMemoryStore(this.servers).partOf(key)]
    if (server === undefined) throw new Error('no server keeps it')
    return server
  }

  node(options: Partial<CacheOptions> = {}): PartedNode {
    const definition = partedMemoryStore(this.servers, this.#off.rules)
    const cache = createCacheWith(
      {
        name: 'shop',
        ttl: '1h',
        jitter: 0,
        clock: this.clock,
        l2: this.#off.store?.(definition) ?? definition,
        ...options,
      },
      fence,
    )
    this.#caches.push(cache)
    return { cache, connections: this.servers.flatMap((server) => server.connections.at(-1) ?? []) }
  }

  /** Everything that waits neither for time nor for a hold has run. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < TURNS_MAX; turn++) await this.clock.settle()
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms)
    await this.settle()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#caches.map((cache) => cache.close()))
  }
}
