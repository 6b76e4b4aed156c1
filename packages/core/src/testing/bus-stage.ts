import {
  decorateBus,
  type ManualClock,
  type MemoryBus,
  type MemoryBusConnection,
  type MemoryConnection,
  type MemoryServer,
  manualClock,
  memoryBus,
  memoryServer,
  memoryStore,
  withoutPush,
} from '@holdfast/testkit'
import { type BusRules, busRules } from '../bus/bus-rules.ts'
import type { Cache } from '../cache.ts'
import type { StoreDefinition } from '../contracts.ts'
import { createCacheWith } from '../create-cache.ts'
import { type Fence, fence } from '../invalidation/fence.ts'
import type { CacheOptions, L1Bounds } from '../options.ts'

/** Δ of the caches on a stage. */
export const MAX_STALE_MS = 1000

/** What is switched off on every node of a stage. */
export interface BusOff {
  readonly rules?: Partial<Fence>
  readonly bus?: Partial<BusRules>
}

/** What is different on one node. */
export interface BusNodeOptions extends Partial<Omit<CacheOptions, 'l1'>> {
  readonly l1?: L1Bounds
  readonly secret?: string
  /** Whether its store tells of changes. Default false. */
  readonly push?: boolean
  readonly decorateStore?: (definition: StoreDefinition) => StoreDefinition
}

/** One process: a cache in mode 'bus', and its connections. */
export interface BusNode {
  readonly cache: Cache
  readonly store: MemoryConnection
  readonly bus: MemoryBusConnection
  /** Whether it has published this frame. */
  isOf(frame: Uint8Array): boolean
}

const MESSAGE_TURNS_MAX = 20

/**
 * Several processes in one: caches that share a clock that stands still, an in-memory server that pushes nothing, and a
 * bus in memory. Replies and frames are delivered in microtasks, so that `settle` runs everything that does not wait for
 * time or for a hold.
 */
export class BusStage implements AsyncDisposable {
  readonly clock: ManualClock = manualClock({ seed: 1 })
  readonly server: MemoryServer = memoryServer({ clock: this.clock, schedule: queueMicrotask })
  readonly bus: MemoryBus = memoryBus({ schedule: queueMicrotask })
  readonly #off: BusOff
  readonly #caches: Cache[] = []

  constructor(off: BusOff = {}) {
    this.#off = off
  }

  /** One more process, connected. Its L1 is in use: it has heard of those before it, and they of it. */
  async node(options: BusNodeOptions = {}): Promise<BusNode> {
    const node = this.nodeNow(options)
    await this.settle()
    return node
  }

  /** One more process, in the moment in which it begins. */
  nodeNow({ l1, secret, push = false, decorateStore = as, ...options }: BusNodeOptions = {}): BusNode {
    let publisher = ''
    const bus = decorateBus(this.bus, {
      connection: (inner) => ({
        publish: (frame, by) => {
          publisher = publisherOf(frame)
          return inner.publish(frame, by)
        },
      }),
    })
    const cache = createCacheWith(
      {
        name: 'shop',
        ttl: '1h',
        jitter: 0,
        clock: this.clock,
        l2: decorateStore(push ? memoryStore(this.server) : withoutPush(memoryStore(this.server))),
        l1: { maxStale: MAX_STALE_MS, ...l1, mode: 'bus', bus: { ...bus, secret } },
        ...options,
      },
      { ...fence, ...this.#off.rules },
      { ...busRules, ...this.#off.bus },
    )
    this.#caches.push(cache)
    const store = this.server.connections.at(-1)
    const connection = this.bus.connections.at(-1)
    if (connection === undefined) throw new Error('the cache opened no bus')
    return {
      cache,
      get store() {
        if (store === undefined) throw new Error('the cache has another store')
        return store
      },
      bus: connection,
      isOf: (frame) => publisherOf(frame) === publisher,
    }
  }

  /** Everything that waits neither for time nor for a hold has run. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < MESSAGE_TURNS_MAX; turn++) await this.clock.settle()
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms)
    await this.settle()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.resume()
    this.bus.resume()
    for (const connection of [...this.server.connections, ...this.bus.connections]) connection.release()
    const closing = Promise.all(this.#caches.map((cache) => cache.close()))
    // A write that is under way for ever is waited for as long as this; then whoever is cut off, for his goodbye.
    await this.clock.advance(4_000)
    await closing
  }
}

function publisherOf(frame: Uint8Array): string {
  return Buffer.from(frame.subarray(4, 12)).toString('latin1')
}

function as<T>(same: T): T {
  return same
}
