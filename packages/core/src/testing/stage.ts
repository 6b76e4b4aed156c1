import {
  type ManualClock,
  type MemoryConnection,
  type MemoryServer,
  manualClock,
  memoryServer,
  memoryStore,
  type StoreMutant,
} from '@holdfast/testkit'
import type { Cache } from '../cache.ts'
import { createCacheWith } from '../create-cache.ts'
import { type Fence, fence } from '../invalidation/fence.ts'
import type { CacheOptions } from '../options.ts'

/** What is switched off on every node of a stage. */
export interface Off {
  readonly rules?: Partial<Fence>
  readonly store?: StoreMutant
  readonly server?: (server: MemoryServer) => void
}

/** One process: a cache and its connection to the shared server. */
export interface StageNode {
  readonly cache: Cache
  readonly connection: MemoryConnection
}

const MESSAGE_TURNS_MAX = 20

/**
 * Several processes in one: caches that share one in-memory server and one clock that stands still. Replies and
 * pushes are delivered in microtasks, so that `settle` runs everything that does not wait for time or for a hold.
 */
export class Stage implements AsyncDisposable {
  readonly clock: ManualClock = manualClock({ seed: 1 })
  readonly server: MemoryServer
  readonly #off: Off
  readonly #caches: Cache[] = []

  constructor(off: Off = {}) {
    this.#off = off
    this.server = memoryServer({ clock: this.clock, schedule: queueMicrotask })
    off.server?.(this.server)
  }

  /** One more process. By default without jitter, so that lives are exact. */
  node(options: Partial<CacheOptions> = {}): StageNode {
    const { rules, store } = this.#off
    const definition = memoryStore(this.server)
    const cache = createCacheWith(
      {
        name: 'shop',
        ttl: '1h',
        jitter: 0,
        clock: this.clock,
        l2: store === undefined ? definition : store(definition),
        ...options,
      },
      { ...fence, ...rules },
    )
    this.#caches.push(cache)
    const connection = this.server.connections.at(-1)
    if (connection === undefined) throw new Error('the store made no connection')
    return { cache, connection }
  }

  /** A process without L2. */
  alone(options: Partial<CacheOptions> = {}): Cache {
    const cache = createCacheWith(
      { name: 'shop', ttl: '1h', jitter: 0, clock: this.clock, ...options },
      { ...fence, ...this.#off.rules },
    )
    this.#caches.push(cache)
    return cache
  }

  /** Everything that waits neither for time nor for a hold has run. */
  async settle(): Promise<void> {
    // More than one turn: bulk loads gather latecomers with setImmediate.
    for (let turn = 0; turn < MESSAGE_TURNS_MAX; turn++) await this.clock.settle()
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms)
    await this.settle()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.resume()
    for (const connection of this.server.connections) connection.release()
    const closing = Promise.all(this.#caches.map((cache) => cache.close()))
    // A write that is under way for ever is waited for as long as this.
    await this.clock.advance(3_000)
    await closing
  }
}
