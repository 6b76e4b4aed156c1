import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { until } from './until.ts'

/** Stands between a cache and its Redis, and holds back replies and pushes while it is told to. */
export class HoldingProxy implements AsyncDisposable {
  readonly url: string
  readonly #server: Server
  readonly #sockets: Set<Socket>
  readonly #held: { bytes: Buffer[]; to: Socket }[] = []
  #holds = false

  private constructor(server: Server, sockets: Set<Socket>, port: number) {
    this.#server = server
    this.#sockets = sockets
    this.url = `redis://127.0.0.1:${port}`
  }

  static async start(redisPort: number): Promise<HoldingProxy> {
    const sockets = new Set<Socket>()
    const server = createServer((client) => {
      const upstream = connect({ port: redisPort, host: '127.0.0.1', noDelay: true })
      for (const [socket, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        sockets.add(socket.setNoDelay(true))
        // The other end learns of a break by the close that follows it.
        socket.on('error', () => undefined)
        socket.on('close', () => other.destroy())
      }
      client.on('data', (chunk) => upstream.write(chunk))
      upstream.on('data', (chunk) => proxy.#forward(chunk, client))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new HoldingProxy(server, sockets, portOf(server.address()))
    return proxy
  }

  /** From now on nothing that the server says arrives. */
  hold(): void {
    this.#holds = true
  }

  /** Resolves once the server has said this; it is held. */
  async heard(text: string): Promise<void> {
    await until(`the server says ${text}`, () =>
      this.#held.some(({ bytes }) => Buffer.concat(bytes).includes(text)),
    )
  }

  /** Delivers everything that was held, in one piece for each connection. */
  release(): void {
    this.#holds = false
    for (const { bytes, to } of this.#held.splice(0)) to.write(Buffer.concat(bytes))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #forward(chunk: Buffer, to: Socket): void {
    if (!this.#holds) {
      to.write(chunk)
      return
    }
    const known = this.#held.find((one) => one.to === to)
    if (known === undefined) this.#held.push({ bytes: [chunk], to })
    else known.bytes.push(chunk)
  }
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new TypeError('the proxy has no port')
  return address.port
}
