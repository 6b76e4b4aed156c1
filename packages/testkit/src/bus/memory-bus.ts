import {
  type Bus,
  type BusConnection,
  type BusEnvironment,
  type BusListener,
  CacheError,
} from 'holdfast/contracts'
import { atDeadline } from '../memory-store/at-deadline.ts'

/** A bus in memory, with faults on demand. For tests and simulations. */
export interface MemoryBus extends Bus {
  /** Those that are open, in the order in which they were opened. */
  readonly connections: readonly MemoryBusConnection[]
  /** It goes away: connections are lost, and publishing fails at once, until `start`. */
  stop(): void
  start(): void
  /** It stops answering, and goes on with what has arrived meanwhile after `resume`. */
  pause(): void
  resume(): void
  /** Publishes as somebody who is no cache. */
  plant(topic: string, frame: Uint8Array): void
}

/** What a test can do to one connection. */
export interface MemoryBusConnection {
  /** Keeps what comes in back, in order. */
  hold(): void
  /** Delivers what was held, or its first `framesMax`, and without a number ends the hold. */
  release(framesMax?: number): void
  /** Cuts it; it stays cut until `reconnect`. */
  disconnect(): void
  reconnect(): void
  /** Frames that it loses without noticing. Default: none. */
  loses: (frame: Uint8Array) => boolean
  /** Nothing comes in or goes out any more, and nobody notices: publishing fails at its deadline. Default false. */
  isCutOff: boolean
}

export interface MemoryBusOptions {
  /** When what is due is delivered. Default: in a later turn of the event loop. */
  readonly schedule?: (run: () => void) => void
}

/** The contract of a bus as plainly as it can be said: one list of frames, and everybody goes through it. */
export function memoryBus({ schedule = setImmediate }: MemoryBusOptions = {}): MemoryBus {
  const members: Member[] = []
  let isRunning = true
  /** While it is paused: what has arrived. */
  let arrived: (() => void)[] | undefined
  const accept = (topic: string, frame: Uint8Array): void => {
    const copy = new Uint8Array(frame)
    for (const member of members) member.receive(topic, copy)
  }
  const server: Server = {
    schedule,
    get isRunning() {
      return isRunning
    },
    arrive(act) {
      if (arrived === undefined) act()
      else arrived.push(act)
    },
    accept,
    leave: (member) => void members.splice(members.indexOf(member), 1),
  }
  return {
    connections: members,
    open(environment, listener) {
      const member = new Member(server, environment, listener)
      members.push(member)
      return member
    },
    stop() {
      isRunning = false
      for (const member of members) member.drop()
    },
    start() {
      isRunning = true
      for (const member of members) member.connect()
    },
    pause() {
      arrived ??= []
    },
    resume() {
      const acts = arrived ?? []
      arrived = undefined
      for (const act of acts) act()
    },
    plant: accept,
  }
}

interface Server {
  readonly isRunning: boolean
  readonly schedule: (run: () => void) => void
  arrive(act: () => void): void
  accept(topic: string, frame: Uint8Array): void
  leave(member: Member): void
}

class Member implements BusConnection, MemoryBusConnection {
  readonly address = 'memory'
  loses: (frame: Uint8Array) => boolean = () => false
  isCutOff = false
  readonly #server: Server
  readonly #environment: BusEnvironment
  readonly #listener: BusListener
  /** What is due, in order. Bounded by what a test publishes. */
  #due: (() => void)[] = []
  #isHeld = false
  #isConnected = false
  #isCutByHand = false
  #isClosed = false

  constructor(server: Server, environment: BusEnvironment, listener: BusListener) {
    this.#server = server
    this.#environment = environment
    this.#listener = listener
    this.connect()
  }

  publish(frame: Uint8Array, by: number): Promise<void> {
    if (!this.#isConnected || this.#isClosed) return Promise.reject(unavailable('no connection'))
    const { topic, clock } = this.#environment
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = atDeadline(clock, by, () => reject(unavailable('no answer in time')))
    promise.then(
      () => timer.cancel(),
      () => timer.cancel(),
    )
    if (this.isCutOff) return promise
    const copy = new Uint8Array(frame)
    this.#server.arrive(() => {
      this.#server.accept(topic, copy)
      resolve()
    })
    return promise
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#due = []
    this.#server.leave(this)
  }

  receive(topic: string, frame: Uint8Array): void {
    if (!this.#isConnected || this.isCutOff || topic !== this.#environment.topic || this.loses(frame)) return
    if (frame.length > this.#environment.frameBytesMax) this.#tell(() => this.#listener.dropped())
    else this.#tell(() => this.#listener.received(frame))
  }

  hold(): void {
    this.#isHeld = true
  }

  release(framesMax?: number): void {
    if (framesMax === undefined) this.#isHeld = false
    for (const act of this.#due.splice(0, framesMax ?? this.#due.length)) act()
  }

  disconnect(): void {
    this.#isCutByHand = true
    this.drop()
  }

  reconnect(): void {
    this.#isCutByHand = false
    this.connect()
  }

  connect(): void {
    if (this.#isConnected || this.#isClosed || this.#isCutByHand || !this.#server.isRunning) return
    this.#isConnected = true
    this.#tell(() => this.#listener.connected())
  }

  drop(): void {
    if (!this.#isConnected) return
    this.#isConnected = false
    this.#due = []
    this.#tell(() => this.#listener.lost())
  }

  #tell(what: () => void): void {
    this.#due.push(() => {
      try {
        what()
      } catch (error) {
        this.#environment.log('warn', `a listener failed: ${String(error)}`)
      }
    })
    this.#server.schedule(() => {
      if (!this.#isHeld) this.#due.shift()?.()
    })
  }
}

function unavailable(why: string): CacheError {
  return new CacheError('bus_unavailable', `the bus in memory: ${why}`, { retryable: true })
}
