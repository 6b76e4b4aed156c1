import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { systemClock } from 'holdfast/contracts'
import { type Faults, NO_FAULTS } from './fault-proxy/faults.ts'
import { Network } from './fault-proxy/network.ts'
import { ProxiedConnection, type ProxyTarget } from './fault-proxy/proxied-connection.ts'

export interface FaultProxyOptions {
  /** Uniform in [0, 1): the source of jitter. Default: the machine's. */
  readonly random?: () => number
}

/**
 * Starts a proxy on a free port of 127.0.0.1 that leads to a server and can be told to behave like a bad network.
 * Bytes keep their order under every fault, and it holds at most about 1 MiB in each direction of a connection:
 * beyond that it stops reading, as a network does.
 */
export async function startFaultProxy(
  target: { readonly port: number; readonly host?: string },
  options: FaultProxyOptions = {},
): Promise<FaultProxy> {
  // Half-open: a goodbye waits its turn behind the bytes before it.
  const server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return new FaultProxy(server, { host: target.host ?? '127.0.0.1', port: target.port }, options)
}

/** A bad network in front of one server. Whoever started it closes it, or writes `await using`. */
export class FaultProxy implements AsyncDisposable {
  /** Of 127.0.0.1. */
  readonly port: number
  readonly #server: Server
  readonly #connections = new Set<ProxiedConnection>()
  readonly #network: Network
  #target: ProxyTarget
  #accepted = 0
  #closing: Promise<void> | undefined

  /** Made by `startFaultProxy`, of a server that listens. */
  constructor(server: Server, target: ProxyTarget, { random = systemClock.random }: FaultProxyOptions) {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new TypeError('the server does not listen')
    this.port = address.port
    this.#server = server
    this.#target = target
    this.#network = new Network(random)
    server.on('connection', (client) => this.#accept(client))
  }

  /** Connections that are open now. */
  get connections(): number {
    let open = 0
    for (const { isOpen } of this.#connections) if (isOpen) open++
    return open
  }

  /** Connections that ever came, those that were reset at once included. */
  get accepted(): number {
    return this.#accepted
  }

  /** Faults that hold from now on for open and new connections, until `heal`. What is not named stays as it is. */
  inject(faults: Partial<Faults>): void {
    const { resetAfterBytes } = faults
    if (resetAfterBytes !== undefined) this.#resetAfter(resetAfterBytes)
    this.#change({ ...this.#network.faults, ...faults })
  }

  /** Ends all faults. What was held back is delivered late, unless its connection was cut. */
  heal(): void {
    this.#resetAfter(Infinity)
    this.#change(NO_FAULTS)
  }

  /** RST to both ends of every open connection. */
  cut(): void {
    for (const connection of this.#connections) connection.reset()
  }

  /**
   * Open connections pass nothing any more, and never will; new ones are served: the other end has vanished without a
   * goodbye. They end when they are cut, or closed by the client.
   */
  strand(): void {
    for (const connection of this.#connections) connection.strand()
  }

  /** Leads new connections to another server, and cuts the open ones. */
  retarget(port: number): void {
    this.#target = { ...this.#target, port }
    this.cut()
  }

  /** Whether replies that are held back on some connection include this text. */
  holds(text: string): boolean {
    return Array.from(this.#connections).some((connection) => connection.holds(text))
  }

  /** Cuts what is open, and frees the port. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.cut()
    })
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #accept(client: Socket): void {
    this.#accepted++
    if (this.#network.faults.refuse) {
      client.on('error', () => {})
      client.resetAndDestroy()
      return
    }
    const connection = new ProxiedConnection(client, this.#target, this.#network, () => {
      this.#connections.delete(connection)
    })
    this.#connections.add(connection)
  }

  #resetAfter(bytes: number): void {
    for (const connection of this.#connections) connection.resetAfter(bytes)
  }

  #change(faults: Faults): void {
    this.#network.change(faults)
    for (const connection of this.#connections) connection.wake()
  }
}
