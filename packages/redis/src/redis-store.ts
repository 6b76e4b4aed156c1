import { type Connect, DEFAULT_LIMITS, ServerWatch } from '@holdfast/wire'
import {
  CacheError,
  invalidArgument,
  type NamespaceStore,
  type Store,
  type StoreCapabilities,
  type StoreEnvironment,
  type StoreFacts,
  type StoreWatcher,
} from 'holdfast/contracts'
import { RedisClient, type RedisReady, type RedisSession } from './client.ts'
import { RestartFence } from './failover/restart-fence.ts'
import type { Place, RestartRule } from './failover/restart-rule.ts'
import { Names, parseName } from './names.ts'
import { type Lane, RedisNamespace } from './redis-namespace.ts'
import { RedisReplyError } from './reply-error.ts'
import type { RespArgument } from './resp-encode.ts'
import { EVERY_SCRIPT } from './scripts.ts'
import { dataOrigin, parseInfo } from './server-facts.ts'
import type { RedisAddress } from './url.ts'

// A connection holds 64 MB of what is not sent yet, and refuses what would not fit: a larger value could never leave.
const VALUE_BYTES_MAX = DEFAULT_LIMITS.bufferedBytesMax - 1024 ** 2

// Tags kept warm with each heartbeat: under LRU a server evicts first what L1 keeps everyone from reading.
const WARM_TAGS_MAX = 64

// What stands before the payload of an entry: at most 64 tags of 512 characters, with their tokens.
const ENTRY_HEAD_BYTES_MAX = 128 * 1024

const NEEDED_RIGHTS = '; needed rights: leastAcl() of @holdfast/redis'

interface Opened extends Place {
  readonly watcher: StoreWatcher
  /** The connection on which rule R was applied to it. */
  admittedOn: number
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
  readonly #rule: RestartRule
  readonly #watch: ServerWatch

  /** `rule` is rule R as the user chose it; a check may pass another, and a network of its own. */
  constructor(
    address: RedisAddress,
    environment: StoreEnvironment,
    rule: RestartRule = new RestartFence(environment.clock),
    connect?: Connect,
  ) {
    const { maxValueBytes } = environment
    if (maxValueBytes > VALUE_BYTES_MAX)
      throw invalidArgument('maxValueBytes', "at most '63mb' with Redis", maxValueBytes)
    this.#rule = rule
    this.#environment = environment
    this.clock = environment.clock
    this.address = address.display
    this.capabilities = { push: true, leaseMinMs: 1, lacks: {} }
    this.client = new RedisClient({
      address,
      clock: environment.clock,
      tracking: environment.tracking === 'values' ? 'all' : 'asked',
      heartbeatMs: environment.heartbeatMs,
      keptBytesMax: environment.maxValueBytes + ENTRY_HEAD_BYTES_MAX,
      clientName: clientName(environment.cacheName),
      connect,
      prepare: (session) => this.#prepare(session),
      heartbeatExtra: () => this.#keepWarm(),
      events: {
        onReady: (ready) => this.#becomeReady(ready),
        onLost: (error) => this.#lose(error),
        onFatal: (error) => this.#refused(error),
        onDetour: (why) => this.#watch.warn(why),
        onDenied: (why) => this.#watch.warn(why + NEEDED_RIGHTS),
        onRefusing: (why) =>
          this.#watch.warn(`${why}: it refuses writes; reads go on, and nothing new is stored`),
        onInvalidate: (names) => this.#invalidated(names),
        onVerified: (sentAtMs) => this.#each((watcher) => watcher.verified(sentAtMs)),
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

  #refused(error: Error): void {
    const isDenied = error instanceof RedisReplyError && error.prefix === 'NOPERM'
    this.#watch.refused(error, isDenied ? NEEDED_RIGHTS : '')
  }

  get online(): boolean {
    return this.client.ready
  }

  get lastError(): Error | undefined {
    return this.client.lastError
  }

  namespace(name: string, watcher: StoreWatcher): NamespaceStore {
    if (this.#opened.has(name)) {
      throw new CacheError('invalid_argument', `namespace: ${JSON.stringify(name)} is open already`)
    }
    const opened = { watcher, names: new Names(name), mark: undefined, admittedOn: 0 }
    this.#opened.set(name, opened)
    if (this.#ready !== undefined) this.#admitLate(opened, this.#ready)
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
    this.#watch.close()
    await this.client.close()
    this.#opened.clear()
  }

  /** FILL and PUT hear of their own write right behind their reply, and of nothing else in between. */
  expectEcho(valueName: string): void {
    if (this.#environment.tracking === 'values') this.#echo = valueName
  }

  removed(names: readonly string[]): void {
    this.#rule.removed(names)
  }

  /** Rule R, on each new connection before it is used. */
  async #prepare(session: RedisSession): Promise<void> {
    // A user without the right to load scripts sends their text when they are first needed.
    const loading = EVERY_SCRIPT.map(({ source }) =>
      session.command(['SCRIPT', 'LOAD', source], { by: session.by }),
    )
    await Promise.allSettled(loading)
    const opened = [...this.#opened.values()]
    await this.#rule.admit(session, opened, dataOrigin(session.facts), session.by)
    for (const one of opened) one.admittedOn = session.generation
  }

  #becomeReady(ready: RedisReady): void {
    this.#watch.ready()
    this.#ready = ready
    this.#echo = undefined
    for (const opened of this.#opened.values()) {
      if (opened.admittedOn === ready.generation) opened.watcher.connected(ready)
      else this.#admitLate(opened, ready)
    }
    if (this.#watch.takeAbsence()) this.#environment.log('info', `L2 ${this.address}: answers again`)
  }

  /** A namespace opened on a live connection: rule R first, then it is told of the connection. */
  #admitLate(opened: Opened, ready: RedisReady): void {
    const by = this.clock.now() + 3 * this.#environment.heartbeatMs
    this.#rule.admit(this.client, [opened], dataOrigin(ready), by).then(
      () => {
        if (this.#ready !== ready) return
        opened.admittedOn = ready.generation
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
    this.#watch.lost(error)
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
    if (parsed.kind === 'v') {
      this.client.overlong.forget(name.toString())
      // Where values are not tracked, one is pushed because its lease was asked for: whoever waits for it is woken.
      if (this.#environment.tracking === 'tokens') watcher.leaseChanged(parsed.name)
      else watcher.keyChanged(parsed.name)
    } else if (parsed.kind === 'l') watcher.leaseChanged(parsed.name)
    else if (parsed.kind === 't') watcher.tagChanged(parsed.name)
    else if (parsed.kind === 'n') watcher.namespaceChanged()
  }

  #keepWarm(): readonly (readonly RespArgument[])[] {
    const commands: (readonly RespArgument[])[] = [...this.#rule.heartbeat()]
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

/** A cache's name as CLIENT LIST can show it. */
function clientName(cacheName: string): string {
  return `holdfast:${cacheName.replace(/[^\x21-\x7e]/g, '_')}`.slice(0, 64)
}

function numberOf(text: string | undefined): number | undefined {
  const value = Number(text)
  return text === undefined || !Number.isFinite(value) ? undefined : value
}
