import { CacheError, type StoreEnvironment, type StoreWatcher, show, type Timer } from 'holdfast/contracts'
import { atDeadline } from './at-deadline.ts'
import { Inbox } from './inbox.ts'
import type { MemoryServer } from './memory-server.ts'
import type { Arrival, MemoryOperation, Message, Peer, ServerName, Session } from './model.ts'
import { pushTo } from './push-to.ts'

/** One command as a client asks for it. */
export interface Command<Raw, Reply> {
  readonly operation: MemoryOperation
  /** Executes on the server. */
  run(session: Session): Raw
  /** Runs where the reply is delivered, before its promise settles. */
  finish(raw: Raw): Reply
  /** The bytes are about to leave. */
  written?(): void
}

interface Flight {
  readonly fail: (error: CacheError) => void
}

interface Outgoing {
  readonly arrival: Arrival
  readonly isSettled: () => boolean
  readonly written: () => void
}

// Commands without an answer; beyond it a caller is refused at once, as without a connection.
const IN_FLIGHT_MAX = 100_000

/** One client's connection: deadlines, the order of the wire, generations, heartbeats. */
export class MemoryLink implements Peer {
  readonly #server: MemoryServer
  readonly #environment: StoreEnvironment
  readonly #watchers = new Map<string, StoreWatcher>()
  readonly #inbox: Inbox
  readonly #flights = new Set<Flight>()
  #outbox: Outgoing[] = []
  #session: Session | undefined
  #heartbeat: Timer | undefined
  #generation = 0
  #cutByHand = false
  #closed = false

  constructor(server: MemoryServer, environment: StoreEnvironment) {
    this.#server = server
    this.#environment = environment
    this.#inbox = new Inbox(environment.clock, server.schedule, () => {
      environment.log('warn', 'connection cut: too many undelivered messages')
      this.#drop()
    })
    server.join(this)
    this.#connect()
  }

  get online(): boolean {
    return this.#session !== undefined
  }

  get generation(): number {
    return this.#generation
  }

  get waiting(): number {
    return this.#inbox.waiting
  }

  get latencyMs(): number {
    return this.#inbox.latencyMs
  }

  set latencyMs(value: number) {
    this.#inbox.latencyMs = value
  }

  hold(): void {
    this.#inbox.hold()
  }

  release(messagesMax?: number): void {
    this.#inbox.release(messagesMax)
  }

  disconnect(): void {
    this.#cutByHand = true
    this.#drop()
  }

  reconnect(): void {
    this.#cutByHand = false
    this.#connect()
  }

  serverStopped(): void {
    this.#drop()
  }

  serverStarted(): void {
    if (!this.#cutByHand) this.#connect()
  }

  /** Adds a namespace's watcher; the function returned removes it. Throws where the namespace is open already. */
  watch(namespace: string, watcher: StoreWatcher): () => void {
    if (this.#watchers.has(namespace)) {
      throw new CacheError('invalid_argument', `namespace: ${show(namespace)} is open on this store already`)
    }
    this.#watchers.set(namespace, watcher)
    if (this.#session !== undefined) this.#welcome(namespace, watcher)
    return () => {
      if (this.#watchers.get(namespace) === watcher) this.#watchers.delete(namespace)
    }
  }

  /** Settles by `by` at the latest; what is in flight when the connection goes is `l2_unavailable`. */
  send<Raw, Reply>(command: Command<Raw, Reply>, by: number): Promise<Reply> {
    const session = this.#session
    if (this.#closed) return Promise.reject(new CacheError('closed', 'the store was closed'))
    if (session === undefined) return Promise.reject(unavailable('no connection'))
    if (this.#flights.size >= IN_FLIGHT_MAX) return Promise.reject(unavailable('too many commands in flight'))
    if (by <= this.#environment.clock.now()) return Promise.reject(timeout(command.operation))
    return new Promise((resolve, reject) => {
      const settle = (): boolean => {
        timer.cancel()
        return this.#flights.delete(flight)
      }
      const fail = (error: CacheError): void => {
        if (settle()) reject(error)
      }
      const flight: Flight = { fail }
      const timer = atDeadline(this.#environment.clock, by, () => fail(timeout(command.operation)))
      this.#flights.add(flight)
      const perform = (): Message => {
        const raw = command.run(session)
        return () => {
          if (settle()) resolve(command.finish(raw))
        }
      }
      const refuse = (error: CacheError) => (): void => fail(error)
      this.#enqueue({
        arrival: { operation: command.operation, session, perform, refuse },
        isSettled: () => !this.#flights.has(flight),
        written: () => command.written?.(),
      })
    })
  }

  /** Tells every watcher that all before `sentAtMs` was delivered. */
  verified(sentAtMs: number): void {
    for (const watcher of this.#allWatchers()) watcher.verified(sentAtMs)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#watchers.clear()
    this.#drop(new CacheError('closed', 'the store was closed'))
    this.#server.leave(this)
  }

  // One write per turn: commands of the same turn leave together, after the code that asked for them.
  #enqueue(outgoing: Outgoing): void {
    this.#outbox.push(outgoing)
    if (this.#outbox.length > 1) return
    queueMicrotask(() => {
      const batch = this.#outbox.filter((queued) => !queued.isSettled())
      this.#outbox = []
      for (const queued of batch) queued.written()
      if (batch.length > 0) this.#server.arrive(batch.map((queued) => queued.arrival))
    })
  }

  #connect(): void {
    if (this.#closed || this.#session !== undefined || !this.#server.running) return
    this.#generation++
    const session = this.#newSession()
    this.#session = session
    this.#beat(session)
    for (const [namespace, watcher] of [...this.#watchers]) this.#welcome(namespace, watcher)
  }

  #newSession(): Session {
    const isOpen = (): boolean => this.#session === session
    const session: Session = {
      tracking: this.#environment.tracking,
      get open() {
        return isOpen()
      },
      receive: (message) => {
        if (isOpen()) this.#inbox.push(message)
      },
      pushOf: (name) => () => this.#push(name),
    }
    return session
  }

  #welcome(namespace: string, watcher: StoreWatcher): void {
    this.#server.admit(namespace)
    watcher.connected({ server: 'memory', version: '1', generation: this.#generation })
  }

  #push(name: ServerName | 'everything'): void {
    if (name === 'everything') for (const watcher of this.#allWatchers()) watcher.everythingChanged()
    else {
      const watcher = this.#watchers.get(name.namespace)
      if (watcher !== undefined) pushTo(watcher, name)
    }
  }

  #drop(reason: CacheError = unavailable('the connection was lost')): void {
    const session = this.#session
    if (session === undefined) return
    this.#session = undefined
    this.#heartbeat?.cancel()
    this.#inbox.clear()
    this.#server.forgetSession(session)
    // Settling deletes from the set, hence the copy.
    for (const flight of [...this.#flights]) flight.fail(reason)
    for (const watcher of this.#allWatchers()) watcher.lost()
  }

  /** Each heartbeat is sent when the one before was answered, and never sooner than `heartbeatMs` after it. */
  #beat(session: Session): void {
    const { clock, heartbeatMs } = this.#environment
    this.#heartbeat = clock.after(heartbeatMs, () => {
      const sentAtMs = clock.now()
      const perform = (): Message => () => {
        this.verified(sentAtMs)
        this.#beat(session)
      }
      const refuse = (): Message => () => this.#beat(session)
      this.#server.arrive([{ operation: 'heartbeat', session, perform, refuse }])
    })
  }

  // A copy: a watcher may close its namespace while it is told.
  #allWatchers(): StoreWatcher[] {
    return [...this.#watchers.values()]
  }
}

function unavailable(message: string): CacheError {
  return new CacheError('l2_unavailable', message, { tier: 'l2', retryable: true })
}

function timeout(operation: MemoryOperation): CacheError {
  return new CacheError('l2_timeout', `${operation} had no answer in time`, { tier: 'l2', retryable: true })
}
