import { type Connect, ServerWatch } from '@holdfast/wire'
import {
  CacheError,
  type NamespaceStore,
  type Store,
  type StoreCapabilities,
  type StoreEnvironment,
  type StoreFacts,
  type StoreWatcher,
  type Timer,
} from 'holdfast/contracts'
import { MemcachedClient, type MemcachedReady, type MemcachedSession } from '../client/memcached-client.ts'
import { mg } from '../client/meta-command.ts'
import { CLOCKS_APART_MS_MAX } from '../client/server-clock.ts'
import type { MemcachedAddress } from '../url.ts'
import { IslandNamespace } from './island-namespace.ts'
import { type IslandRules, islandRules } from './island-rules.ts'
import { Names } from './names.ts'
import { OwedLeases } from './owed-leases.ts'
import { admit, isSameRun, type ServerRun } from './restart-mark.ts'

// What stands before the payload of an entry: at most 64 tags of 512 characters, with their tokens, and a key of 8 KB.
const ENTRY_HEAD_BYTES_MAX = 128 * 1024
// Tags kept warm with each heartbeat: under LRU a server evicts first what L1 keeps everyone from reading.
const WARM_TAGS_MAX = 64
// Between two attempts to admit a namespace; the server has been slow to answer the first.
const ADMIT_AGAIN_MS = 100

const FULL = 'it is full and may not evict (-M): reads go on, and nothing new is stored'
const ASKED_OF_NOBODY =
  'it asks nobody for a password, and one is given: whoever reaches it may do everything (memcached -Y)'

interface Opened {
  readonly name: string
  readonly names: Names
  readonly watcher: StoreWatcher
  readonly operations: IslandNamespace
  /** The connection on which rule R was applied to it. */
  admittedOn: number
}

export interface IslandOptions {
  /** For checks that switch one off. */
  readonly rules?: Partial<IslandRules> | undefined
  /** A network of its own, for a check. */
  readonly connect?: Connect | undefined
}

/**
 * One Memcached server as L2: one connection that serves every namespace of a cache. It is a store by itself, and a part of
 * one where a pool has several of them: nothing that belongs to an entry is kept anywhere else (docs/adr).
 *
 * A namespace's `connected` is told when rule R was applied to it on that connection, `lost` once for each of them; what is
 * in flight then has been rejected before. `verified` is told with each heartbeat that is answered.
 */
export class MemcachedIsland implements Store {
  static readonly capabilities: StoreCapabilities = {
    push: false,
    // An item of T seconds lives longer than T - 1 and at most T: with a second more it never ends early.
    leaseMinMs: 1000,
    leaseLateMs: 1000,
    quarantineLateMs: CLOCKS_APART_MS_MAX,
    lacks: {
      push: 'Memcached sends nothing unasked: L1 needs a bus, or asks again',
      quarantinesWhenFull: 'a Memcached that may not evict (-M) has no room for anything when it is full',
    },
  }

  readonly capabilities: StoreCapabilities = MemcachedIsland.capabilities
  readonly address: string
  readonly client: MemcachedClient
  readonly #environment: StoreEnvironment
  readonly #rules: IslandRules
  readonly #opened = new Map<string, Opened>()
  readonly #watch: ServerWatch
  readonly #hasCredentials: boolean
  #ready: MemcachedReady | undefined
  /** The run of the server that the last connection led to which was lost. */
  #lastUsed: ServerRun | undefined
  #heartbeat: Timer | undefined

  constructor(address: MemcachedAddress, environment: StoreEnvironment, options: IslandOptions = {}) {
    this.#environment = environment
    this.#rules = { ...islandRules, ...options.rules }
    this.address = address.display
    this.#hasCredentials = address.credentials !== undefined
    this.client = new MemcachedClient({
      address,
      clock: environment.clock,
      keptBytesMax: environment.maxValueBytes + ENTRY_HEAD_BYTES_MAX,
      connect: options.connect,
      prepare: (session) => this.#prepare(session),
      events: {
        onReady: (ready) => this.#becomeReady(ready),
        onLost: (error) => this.#lose(error),
        onFatal: (error) => this.#watch.refused(error),
        onRefusing: () => this.#watch.warn(FULL),
        onTrouble: (error) => this.#watch.warn(String(error)),
      },
    })
    this.#watch = new ServerWatch({
      name: `L2 ${address.display}`,
      endpoint: address.endpoint,
      clock: environment.clock,
      lastError: () => this.client.lastError,
      warn: (line) => environment.log('warn', line),
    })
  }

  get online(): boolean {
    return this.client.ready
  }

  get lastError(): Error | undefined {
    return this.client.lastError
  }

  /** Whether a line of the log has said that it is away since this was asked last: the end of it is the pool's to say. */
  takeAbsence(): boolean {
    return this.#watch.takeAbsence()
  }

  namespace(name: string, watcher: StoreWatcher): NamespaceStore {
    if (this.#opened.has(name)) {
      throw new CacheError('invalid_argument', `namespace: ${JSON.stringify(name)} is open already`)
    }
    const { client } = this
    const { clock, l2TimeoutMs: timeoutMs } = this.#environment
    const names = new Names(name)
    const tellFull = () => this.#watch.warn(FULL)
    const owedLeases = new OwedLeases(clock)
    const place = { client, clock, names, owedLeases, rules: this.#rules, tellFull, timeoutMs }
    const operations = new IslandNamespace(place, () => this.#opened.delete(name))
    const opened = { name, names, watcher, operations, admittedOn: 0 }
    this.#opened.set(name, opened)
    if (this.#ready !== undefined) this.#admitLate(opened, this.#ready)
    return operations
  }

  /** One round trip: the server executes the commands of one connection in their order, and pushes nothing. */
  async barrier(by: number): Promise<void> {
    await this.client.send(mg(new Names('').own('i'), ''), { by })
  }

  async inspect(by: number): Promise<StoreFacts> {
    const [stats, settings] = await Promise.all([
      this.client.stats('', by),
      this.client.stats('settings', by),
    ])
    return {
      server: 'memcached',
      version: this.client.facts?.version ?? '',
      usedBytes: numberOf(stats.get('bytes')),
      maxBytes: numberOf(stats.get('limit_maxbytes')),
      evictionPolicy: settings.get('evictions') === 'off' ? 'noeviction' : 'lru',
      evictedKeys: numberOf(stats.get('evictions')),
      keys: numberOf(stats.get('curr_items')),
    }
  }

  async close(): Promise<void> {
    this.#watch.close()
    this.#heartbeat?.cancel()
    await this.client.close()
    this.#opened.clear()
  }

  /** Rule R, on each new connection before it is used. */
  async #prepare(session: MemcachedSession): Promise<void> {
    const opened = [...this.#opened.values()]
    const names = opened.map((one) => one.names)
    await admit(session, names, session.facts, this.#isTrusted(session.facts), session.by)
    for (const one of opened) one.admittedOn = session.generation
  }

  /**
   * Whether a mark proves something. A server that keeps its data comes back with its start time, and in a container with
   * its pid. Where the address led to another one meanwhile, this may be one that was used before that: what was
   * invalidated on the other is still there.
   */
  #isTrusted(facts: MemcachedSession['facts']): boolean {
    if (this.#lastUsed === undefined) return true
    return !facts.keepsData && isSameRun(this.#lastUsed, facts)
  }

  #becomeReady(ready: MemcachedReady): void {
    this.#watch.ready()
    if (ready.isOpen && this.#hasCredentials) this.#watch.warn(ASKED_OF_NOBODY)
    this.#ready = ready
    this.#awaitHeartbeat()
    for (const opened of [...this.#opened.values()]) {
      opened.operations.connected()
      if (opened.admittedOn === ready.generation) opened.watcher.connected(factsOf(ready))
      else this.#admitLate(opened, ready)
    }
  }

  /**
   * A namespace opened on a live connection: rule R first, then it is told of the connection. Where that fails it is tried
   * again as long as the connection lasts, which the leases of others hang on: whether it is any good it finds out by itself.
   */
  #admitLate(opened: Opened, ready: MemcachedReady): void {
    const by = this.#environment.clock.now() + this.#environment.l2TimeoutMs
    admit(this.client, [opened.names], ready, this.#isTrusted(ready), by).then(
      () => {
        if (this.#ready !== ready) return
        opened.admittedOn = ready.generation
        if (this.#isOpen(opened)) opened.watcher.connected(factsOf(ready))
      },
      () => {
        this.#environment.clock.after(ADMIT_AGAIN_MS, () => {
          if (this.#ready === ready && this.#isOpen(opened)) this.#admitLate(opened, ready)
        })
      },
    )
  }

  #isOpen(opened: Opened): boolean {
    return this.#opened.get(opened.name) === opened
  }

  #lose(error: Error): void {
    this.#lastUsed = this.#ready ?? this.#lastUsed
    this.#ready = undefined
    this.#heartbeat?.cancel()
    this.#watch.lost(error)
    for (const { operations, watcher } of [...this.#opened.values()]) {
      operations.lost()
      watcher.lost()
    }
  }

  #awaitHeartbeat(): void {
    const { clock, heartbeatMs } = this.#environment
    this.#heartbeat = clock.after(heartbeatMs, () => this.#beat())
  }

  /** Reads what must stay, so that it is not evicted for want of readers: tokens that L1 keeps everyone from asking for. */
  #beat(): void {
    this.#awaitHeartbeat()
    const { clock, l2TimeoutMs } = this.#environment
    const sentAtMs = clock.now()
    const opened = [...this.#opened.values()]
    const asked = opened.flatMap(({ names, watcher }) => [
      mg(names.namespace, ''),
      mg(names.epoch, ''),
      mg(names.own('i'), ''),
      ...(watcher.heldTags?.(WARM_TAGS_MAX) ?? []).map((tag) => mg(names.of('t', tag), '')),
    ])
    this.client.sendAll(asked, { by: sentAtMs + l2TimeoutMs }).then(
      () => {
        for (const one of opened) if (this.#isOpen(one)) one.watcher.verified(sentAtMs)
      },
      // One that is not answered is told by the connection, which ends for want of answers.
      () => undefined,
    )
  }
}

function factsOf({ version, generation }: MemcachedReady): {
  readonly server: string
  readonly version: string
  readonly generation: number
} {
  return { server: 'memcached', version, generation }
}

function numberOf(text: string | undefined): number | undefined {
  const value = Number(text)
  return text === undefined || !Number.isFinite(value) ? undefined : value
}
