import { CacheError, type Clock, type StoreFacts, systemClock, type Token } from 'holdfast/contracts'
import { Keyspace, type MemorySnapshot } from './keyspace.ts'
import { MemoryCommands } from './memory-commands.ts'
import type { CommandParts } from './memory-rules.ts'
import type { Arrival, MemoryConnection, MemoryOperation, Peer, ServerName } from './model.ts'
import { Tracking } from './tracking.ts'

export interface MemoryServerOptions {
  /** The server's own clock and source of tokens. Default: the machine's. */
  readonly clock?: Clock
  /** Runs one delivery turn later. Default `setImmediate`; a simulator passes its own scheduler. */
  readonly schedule?: (turn: () => void) => void
  /** Makes the commands: the seam through which a mutant breaks one rule. Default: `MemoryCommands`. */
  readonly commands?: (parts: CommandParts) => MemoryCommands
}

/** What the server has done since the start or the last `resetStats`. */
export interface MemoryStats {
  /** Executed commands by name; heartbeats too. */
  readonly commands: Readonly<Record<MemoryOperation, number>>
  /** Batches: what one connection sends in one turn is one trip. Heartbeats are none. */
  readonly roundTrips: number
}

// Server time has its own origin, so that code which mixes it up with a client's clock fails early.
const SERVER_EPOCH_MS = 1_700_000_000_000
// What a paused server's sockets take before a client must wait; beyond it a command is refused.
const ARRIVALS_MAX = 100_000

/**
 * The shared server of any number of in-memory stores: two stores opened on one server are two processes that
 * share one L2. It executes commands one at a time, in the order of their arrival, as Redis does.
 */
export class MemoryServer {
  /** Memory is full under noeviction: `fill` and `put` fail, nothing is minted, invalidations work. */
  outOfMemory = false
  readonly schedule: (turn: () => void) => void
  readonly commands: MemoryCommands
  readonly #clock: Clock
  readonly #tracking = new Tracking()
  readonly #keyspace: Keyspace
  readonly #peers = new Set<Peer>()
  readonly #failures = new Map<MemoryOperation, number>()
  #runId: Token
  #running = true
  #paused = false
  #arrivals: Arrival[] = []
  #executed = noCommands()
  #roundTrips = 0

  constructor(options: MemoryServerOptions = {}) {
    this.#clock = options.clock ?? systemClock
    this.schedule = options.schedule ?? ((turn) => void setImmediate(turn))
    this.#runId = this.#clock.token()
    const now = (): number => this.now()
    this.#keyspace = new Keyspace(now, (name) => this.#tracking.changed(name))
    const parts: CommandParts = {
      keyspace: this.#keyspace,
      tracking: this.#tracking,
      clock: this.#clock,
      now,
      isFull: () => this.outOfMemory,
    }
    this.commands = options.commands?.(parts) ?? new MemoryCommands(parts)
  }

  /** Server time in milliseconds. */
  now(): number {
    return SERVER_EPOCH_MS + this.#clock.now()
  }

  get running(): boolean {
    return this.#running
  }

  /** The connections of all open stores, in the order in which they were opened. */
  get connections(): readonly MemoryConnection[] {
    return [...this.#peers]
  }

  get stats(): MemoryStats {
    return { commands: { ...this.#executed }, roundTrips: this.#roundTrips }
  }

  resetStats(): void {
    this.#executed = noCommands()
    this.#roundTrips = 0
  }

  /** The next `times` commands of this name answer with `l2_error` and do nothing. */
  failNext(operation: MemoryOperation, times = 1): void {
    this.#failures.set(operation, times)
  }

  /** Forgets one name, as eviction does; says whether it was there. */
  evict(name: ServerName): boolean {
    return this.#keyspace.delete(name)
  }

  /** Overwrites the bytes of a value, as a foreign writer does. */
  plant(namespace: string, key: string, bytes: Uint8Array, lifeMs = 60_000): void {
    this.#keyspace.value.set(namespace, key, Buffer.from(bytes), lifeMs)
  }

  flushAll(): void {
    this.#keyspace.clear()
    this.#tracking.everythingChanged()
  }

  /** Stops executing (SIGSTOP): commands arrive and wait. */
  pause(): void {
    this.#paused = true
  }

  /** Executes what has arrived meanwhile, and goes on. */
  resume(): void {
    this.#paused = false
    const arrivals = this.#arrivals
    this.#arrivals = []
    for (const arrival of arrivals) this.#execute(arrival)
  }

  /** Cuts every connection and refuses new ones. The data stays. */
  stop(): void {
    this.#running = false
    for (const peer of this.#peers) peer.serverStopped()
  }

  /** Takes connections again; clients that were not cut by hand reconnect at once. */
  start(): void {
    this.#running = true
    for (const peer of this.#peers) peer.serverStarted()
  }

  snapshot(): MemorySnapshot {
    return this.#keyspace.snapshot()
  }

  restartEmpty(): void {
    this.#restart(() => this.#keyspace.clear())
  }

  /** Restarts with the data of an earlier moment, as after kill -9: rule R has to notice. */
  restartWithData(snapshot: MemorySnapshot = this.snapshot()): void {
    this.#restart(() => this.#keyspace.restore(snapshot))
  }

  facts(): StoreFacts {
    return {
      server: 'memory',
      version: '1',
      usedBytes: undefined,
      maxBytes: undefined,
      evictionPolicy: 'noeviction',
      evictedKeys: 0,
      keys: this.#keyspace.size,
    }
  }

  /** @internal A store was opened. */
  join(peer: Peer): void {
    this.#peers.add(peer)
  }

  /** @internal A store was closed. */
  leave(peer: Peer): void {
    this.#peers.delete(peer)
  }

  /** @internal A connection is gone, and with it what it tracked. */
  forgetSession(session: Arrival['session']): void {
    this.#tracking.forgetSession(session)
  }

  /** @internal A (re)connected client is about to use a namespace. */
  admit(namespace: string): void {
    this.commands.admit(namespace, this.#runId)
  }

  /** @internal Commands of one turn of one connection. */
  arrive(batch: readonly Arrival[]): void {
    if (batch.some((arrival) => arrival.operation !== 'heartbeat')) this.#roundTrips++
    for (const arrival of batch) {
      if (!this.#paused) this.#execute(arrival)
      else if (this.#arrivals.length < ARRIVALS_MAX) this.#arrivals.push(arrival)
      else arrival.session.receive(arrival.refuse(new CacheError('l2_error', 'the paused server is full')))
    }
  }

  #execute(arrival: Arrival): void {
    this.#executed[arrival.operation]++
    this.#tracking.during(arrival.session, () => {
      const failures = this.#failures.get(arrival.operation) ?? 0
      if (failures > 0) {
        this.#failures.set(arrival.operation, failures - 1)
        return arrival.refuse(
          new CacheError('l2_error', `${arrival.operation} was told to fail`, { tier: 'l2' }),
        )
      }
      try {
        return arrival.perform()
      } catch (error) {
        if (error instanceof CacheError) return arrival.refuse(error)
        throw error
      }
    })
  }

  #restart(change: () => void): void {
    this.stop()
    this.#arrivals = []
    this.#paused = false
    change()
    this.#runId = this.#clock.token()
    this.start()
  }
}

/** A new in-memory server. */
export function memoryServer(options: MemoryServerOptions = {}): MemoryServer {
  return new MemoryServer(options)
}

function noCommands(): Record<MemoryOperation, number> {
  return {
    read: 0,
    tokens: 0,
    acquire: 0,
    renew: 0,
    fill: 0,
    release: 0,
    invalidate: 0,
    invalidateTags: 0,
    expire: 0,
    expireTags: 0,
    clear: 0,
    put: 0,
    quarantine: 0,
    unquarantine: 0,
    barrier: 0,
    inspect: 0,
    heartbeat: 0,
  }
}
