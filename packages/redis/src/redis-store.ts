import {
  CacheError,
  type NamespaceStore,
  type Store,
  type StoreCapabilities,
  type StoreEnvironment,
  type StoreFacts,
  type StoreWatcher,
} from 'holdfast/contracts'
import { RedisClient, type RedisReady, type RedisSession } from './client.ts'
import type { RedisCommands } from './commands.ts'
import { Names, parseName } from './names.ts'
import { type Lane, RedisNamespace } from './redis-namespace.ts'
import type { RespArgument } from './resp-encode.ts'
import { EVERY_SCRIPT, FENCE_RESTART } from './scripts.ts'
import { parseInfo } from './server-facts.ts'
import type { RedisAddress } from './url.ts'

// Tags kept warm with each heartbeat: under LRU a server evicts first what L1 keeps everyone from reading.
const WARM_TAGS_MAX = 64

// A first connection that takes longer is told of, once; later losses are told of when they happen.
const ABSENT_AFTER_MS = 200

interface Opened {
  readonly watcher: StoreWatcher
  readonly names: Names
  /** The connection on which rule R was applied to it. */
  fencedOn: number
}

/** Redis or Valkey as L2: one connection that serves every namespace of a cache. */
export class RedisStore implements Store, Lane {
  readonly capabilities: StoreCapabilities
  readonly address: string
  readonly client: RedisClient
  readonly clock: StoreEnvironment['clock']
  readonly #environment: StoreEnvironment
  readonly #opened = new Map<string, Opened>()
  #echo: string | undefined
  #ready: RedisReady | undefined
  #closing = false

  constructor(address: RedisAddress, environment: StoreEnvironment) {
    this.#environment = environment
    this.clock = environment.clock
    this.address = address.display
    this.capabilities = { push: true, leaseMinMs: 1, lacks: {} }
    this.client = new RedisClient({
      address,
      clock: environment.clock,
      tracking: environment.tracking,
      heartbeatMs: environment.heartbeatMs,
      clientName: clientName(environment.cacheName),
      prepare: (session) => this.#prepare(session),
      heartbeatExtra: () => this.#keepWarm(),
      events: {
        onReady: (ready) => this.#becomeReady(ready),
        onLost: (error) => this.#lose(error),
        onFatal: (error) => environment.log('warn', `L2 ${address.display}: ${error.message}`),
        onInvalidate: (names) => this.#invalidated(names),
        onVerified: (sentAtMs) => this.#each((watcher) => watcher.verified(sentAtMs)),
        onTrouble: (error) => environment.log('warn', `L2 ${address.display}: ${String(error)}`),
      },
    })
    environment.clock.after(ABSENT_AFTER_MS, () => this.#warnIfAbsent())
  }

  /** A server that cannot be reached at the start is a normal state, but not one to be silent about. */
  #warnIfAbsent(): void {
    if (this.client.ready || this.#closing) return
    const why = this.client.lastError?.message ?? 'no answer'
    this.#environment.log('warn', `L2 ${this.address}: not reached yet, going on without it: ${why}`)
  }

  get online(): boolean {
    return this.client.ready
  }

  namespace(name: string, watcher: StoreWatcher): NamespaceStore {
    if (this.#opened.has(name)) {
      throw new CacheError('invalid_argument', `namespace: ${JSON.stringify(name)} is open already`)
    }
    const opened = { watcher, names: new Names(name), fencedOn: 0 }
    this.#opened.set(name, opened)
    if (this.#ready !== undefined) this.#fenceLate(opened, this.#ready)
    return new RedisNamespace(this, name, () => this.#opened.delete(name))
  }

  barrier(by: number): Promise<void> {
    return this.client.barrier(by)
  }

  async inspect(by: number): Promise<StoreFacts> {
    const [memory, stats, keys] = await Promise.all([
      this.client.command(['INFO', 'memory'], { by }),
      this.client.command(['INFO', 'stats'], { by }),
      this.client.command(['DBSIZE'], { by }),
    ])
    const info = new Map([...parseInfo(memory), ...parseInfo(stats)])
    const maxBytes = numberOf(info.get('maxmemory'))
    return {
      server: this.client.facts?.server ?? 'redis',
      version: this.client.facts?.version ?? '',
      usedBytes: numberOf(info.get('used_memory')),
      maxBytes: maxBytes === 0 ? undefined : maxBytes,
      evictionPolicy: info.get('maxmemory_policy'),
      evictedKeys: numberOf(info.get('evicted_keys')),
      keys: typeof keys === 'number' ? keys : undefined,
    }
  }

  async close(): Promise<void> {
    this.#closing = true
    await this.client.close()
    this.#opened.clear()
  }

  /** FILL and PUT hear of their own write right behind their reply, and of nothing else in between. */
  expectEcho(valueName: string): void {
    if (this.#environment.tracking) this.#echo = valueName
  }

  /** Rule R, on each new connection before it is used. */
  async #prepare(session: RedisSession): Promise<void> {
    if (session.facts.role === 'replica') {
      throw new CacheError('l2_unavailable', 'the server is a replica', { tier: 'l2', retryable: true })
    }
    // A user without the right to load scripts sends their text when they are first needed.
    const loading = EVERY_SCRIPT.map(({ source }) =>
      session.command(['SCRIPT', 'LOAD', source], { by: session.by }),
    )
    await Promise.allSettled(loading)
    const opened = [...this.#opened.values()]
    await Promise.all(opened.map((one) => fenceRestart(session, one, session.facts.runId, session.by)))
    for (const one of opened) one.fencedOn = session.generation
  }

  #becomeReady(ready: RedisReady): void {
    this.#ready = ready
    this.#echo = undefined
    for (const opened of this.#opened.values()) {
      if (opened.fencedOn === ready.generation) opened.watcher.connected(ready)
      else this.#fenceLate(opened, ready)
    }
  }

  /** A namespace opened on a live connection: fenced first, then told of the connection. */
  #fenceLate(opened: Opened, ready: RedisReady): void {
    const by = this.clock.now() + 3 * this.#environment.heartbeatMs
    fenceRestart(this.client, opened, ready.runId, by).then(
      () => {
        if (this.#ready !== ready) return
        opened.fencedOn = ready.generation
        opened.watcher.connected(ready)
      },
      (error: unknown) => {
        if (this.#ready === ready)
          this.client.reconnect(error instanceof Error ? error : new Error(String(error)))
      },
    )
  }

  #lose(error: Error): void {
    this.#ready = undefined
    this.#echo = undefined
    if (!this.#closing) this.#environment.log('warn', `L2 ${this.address}: ${error.message}`)
    this.#each((watcher) => watcher.lost())
  }

  #invalidated(names: readonly Buffer[] | null): void {
    if (names === null) {
      this.#echo = undefined
      this.#each((watcher) => watcher.everythingChanged())
      return
    }
    for (const name of names) this.#changed(name)
  }

  #changed(name: Buffer): void {
    if (this.#echo !== undefined && name.equals(Buffer.from(this.#echo))) {
      this.#echo = undefined
      return
    }
    const parsed = parseName(name)
    if (parsed === undefined) return
    const watcher = this.#opened.get(parsed.namespace)?.watcher
    if (watcher === undefined) return
    if (parsed.kind === 'v') watcher.keyChanged(parsed.name)
    else if (parsed.kind === 'l') watcher.leaseChanged(parsed.name)
    else if (parsed.kind === 't') watcher.tagChanged(parsed.name)
    else if (parsed.kind === 'n') watcher.namespaceChanged()
  }

  #keepWarm(): readonly (readonly RespArgument[])[] {
    const commands: RespArgument[][] = []
    for (const { watcher, names } of this.#opened.values()) {
      const tags = watcher.heldTags?.(WARM_TAGS_MAX) ?? []
      commands.push([
        'TOUCH',
        names.own('n'),
        names.own('e'),
        names.own('i'),
        ...tags.map((tag) => names.of('t', tag)),
      ])
    }
    return commands
  }

  #each(tell: (watcher: StoreWatcher) => void): void {
    for (const { watcher } of [...this.#opened.values()]) tell(watcher)
  }
}

async function fenceRestart(
  commands: RedisCommands,
  opened: Opened,
  runId: string,
  by: number,
): Promise<void> {
  await commands.script(FENCE_RESTART, [opened.names.own('i'), opened.names.own('n')], [runId], { by })
}

/** A cache's name as CLIENT LIST can show it. */
function clientName(cacheName: string): string {
  return `holdfast:${cacheName.replace(/[^\x21-\x7e]/g, '_')}`.slice(0, 64)
}

function numberOf(text: string | undefined): number | undefined {
  const value = Number(text)
  return text === undefined || !Number.isFinite(value) ? undefined : value
}
