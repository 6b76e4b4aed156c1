import { until } from '@holdfast/testkit'
import { type Cache, type CacheOptions, createCache, type Logger } from 'holdfast'
import {
  type Acquired,
  AwaitedRead,
  type Clock,
  type FoundEntry,
  type NamespaceStore,
  type NewEntry,
  type PutReply,
  type StoreDefinition,
  type StoreEnvironment,
  type StoreWatcher,
  systemClock,
  type Token,
  type Tokens,
} from 'holdfast/contracts'
import { type IslandOptions, MemcachedIsland } from '../island/memcached-island.ts'
import { type MemcachedAddress, parseMemcachedUrls } from '../url.ts'

/** For tests whose trouble is made on purpose: warnings would only hide others. */
const SILENT: Logger = { info: () => undefined, warn: () => undefined }
// Longer than any test: nothing is sent but what a test asks for.
const NO_HEARTBEAT_MS = 600_000
// As core asks for it.
const LEASE_MS = 1000

/** One server as the shared tier of a cache, by itself; it is asked for nothing that the cache does not ask for. */
function islandOn(server: { readonly port: number }, options: IslandOptions = {}): StoreDefinition {
  const address = addressOn(server)
  return {
    open: (environment) =>
      new MemcachedIsland(address, { ...environment, heartbeatMs: NO_HEARTBEAT_MS }, options),
  }
}

/** A cache whose shared tier is this one server, once it uses it. No L1 unless asked for. */
export async function openCache(
  server: { readonly port: number },
  options: Partial<CacheOptions> = {},
  island: IslandOptions = {},
): Promise<Cache> {
  const l2 = islandOn(server, island)
  const cache = createCache({ name: 'shop', l1: false, l2, logger: SILENT, ...options })
  await until('the shared tier is in use', () => cache.stats().l2.online)
  return cache
}

/** A load that has won its lease. */
export interface Load {
  readonly key: string
  readonly token: Token
  readonly tokens: Tokens
}

/** One process on a server: its store, and a namespace on it that is ready. */
export class IslandClient implements AsyncDisposable {
  readonly store: MemcachedIsland
  readonly names: NamespaceStore
  readonly #isConnected: () => boolean

  constructor(store: MemcachedIsland, names: NamespaceStore, isConnected: () => boolean) {
    this.store = store
    this.names = names
    this.#isConnected = isConnected
  }

  /** A deadline that no healthy server misses. */
  get by(): number {
    return systemClock.now() + 5_000
  }

  connected(): Promise<void> {
    return until('it is connected', this.#isConnected)
  }

  async read(key: string, intent: 'peek' | 'load' = 'peek'): Promise<FoundEntry> {
    const read = new AwaitedRead(key, { intent })
    this.names.read(read, this.by)
    return (await read.reply).found
  }

  async readText(key: string): Promise<string | undefined> {
    const found = await this.read(key)
    return found?.readable ? Buffer.from(found.payload).toString() : undefined
  }

  acquire(
    key: string,
    seen?: string,
    tags: readonly string[] = [],
    token = systemClock.token(),
  ): Promise<Acquired> {
    const request = { key, token, leaseMs: LEASE_MS, seen, tags, tagLifeMs: 60_000 }
    return this.names.acquire(request, this.by)
  }

  /** Acquires a lease, which must be had. */
  async win(key: string, seen?: string, tags: readonly string[] = []): Promise<Load> {
    const token = systemClock.token()
    const { state, tokens } = await this.acquire(key, seen, tags, token)
    if (state !== 'won') throw new Error(`expected to win the lease of ${key}: ${state}`)
    return { key, token, tokens }
  }

  async fill({ key, token, tokens }: Load, text: string): Promise<boolean> {
    const tags = Array.from(tokens.tags, ([name, tag]) => ({ name, token: tag }))
    const entry = { ...newEntry(text), namespaceToken: tokens.namespace ?? '', tags }
    return (await this.names.fill({ key, token, entry }, this.by)).stored
  }

  async put(key: string, text: string, by: number = this.by): Promise<PutReply['outcome']> {
    return (await this.names.put({ key, entry: newEntry(text), tags: [], tagLifeMs: 60_000 }, by)).outcome
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.store.close()
  }
}

export async function openIsland(
  server: { readonly port: number },
  options: IslandOptions = {},
  namespace = 'shop',
  clock: Clock = systemClock,
): Promise<IslandClient> {
  const store = new MemcachedIsland(addressOn(server), { ...ENVIRONMENT, clock }, options)
  let isConnected = false
  const names = store.namespace(namespace, {
    ...DEAF,
    connected: () => {
      isConnected = true
    },
    lost: () => {
      isConnected = false
    },
  })
  const client = new IslandClient(store, names, () => isConnected)
  await client.connected()
  return client
}

const ENVIRONMENT: StoreEnvironment = {
  clock: systemClock,
  cacheName: 'shop',
  tracking: 'tokens',
  heartbeatMs: NO_HEARTBEAT_MS,
  l2TimeoutMs: 250,
  maxValueBytes: 2 ** 20,
  log: () => undefined,
}

function addressOn({ port }: { readonly port: number }): MemcachedAddress {
  const [address] = parseMemcachedUrls(`memcached://127.0.0.1:${port}`)
  if (address === undefined) throw new Error('no address')
  return address
}

function newEntry(text: string): Omit<NewEntry, 'namespaceToken' | 'tags'> {
  const life = { ttlMs: 30_000, keepMs: 60_000, loadMs: 1 }
  return { id: systemClock.token(), payload: Buffer.from(text), codec: 1, flags: 0, ...life }
}

const ignore = (): void => undefined
/** Told of everything, and does nothing. */
export const DEAF: StoreWatcher = {
  keyChanged: ignore,
  leaseChanged: ignore,
  tagChanged: ignore,
  namespaceChanged: ignore,
  everythingChanged: ignore,
  connected: ignore,
  lost: ignore,
  verified: ignore,
}
