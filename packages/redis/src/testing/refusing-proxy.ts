import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { encodeCommand } from '../resp-encode.ts'
import { RespParser } from '../resp-parser.ts'
import type { RespValue } from '../resp-value.ts'

// What a connection is made and kept with: servers answer these in every state that is made here.
const SPARED = new Set(['HELLO', 'INFO', 'TIME', 'SELECT', 'CLIENT', 'SCRIPT'])

/**
 * Stands between a cache and its Redis, and has commands answered with an error of one's choice: they are replaced on
 * their way by a script that returns it, so that the real server answers, in its place in the order.
 */
export class RefusingProxy implements AsyncDisposable {
  readonly url: string
  /** Commands that were answered with the error. */
  refused = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #error: string | undefined

  private constructor(server: Server, port: number, redisPort: number) {
    this.#server = server
    this.url = `redis://127.0.0.1:${port}`
    server.on('connection', (client: Socket) => this.#accept(client, redisPort))
  }

  static async start(redisPort: number): Promise<RefusingProxy> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new TypeError('the proxy has no port')
    return new RefusingProxy(server, address.port, redisPort)
  }

  /** From now on commands on data are answered with this error, as in `LOADING the server is loading`. */
  refuse(error: string): void {
    this.#error = error
  }

  heal(): void {
    this.#error = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #accept(client: Socket, redisPort: number): void {
    const upstream = connect({ port: redisPort, host: '127.0.0.1', noDelay: true })
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(socket.setNoDelay(true))
      // The other end learns of a break by the close that follows it.
      socket.on('error', () => undefined)
      socket.on('close', () => other.destroy())
    }
    upstream.on('data', (chunk) => client.write(chunk))
    // Commands are arrays of bulk strings, as replies may be.
    const parser = new RespParser()
    const sink = { reply: (command: RespValue) => this.#forward(command, upstream), push: () => undefined }
    client.on('data', (chunk) => parser.read(chunk, sink))
  }

  #forward(command: RespValue, upstream: Socket): void {
    const args = Array.isArray(command) ? command.filter((arg) => Buffer.isBuffer(arg)) : []
    const isRefused = this.#error !== undefined && !SPARED.has(String(args[0]).toUpperCase())
    if (isRefused) this.refused++
    const sent = isRefused
      ? encodeCommand(['EVAL', 'return redis.error_reply(ARGV[1])', 0, this.#error ?? ''])
      : encodeCommand(args)
    for (const part of typeof sent === 'string' || sent instanceof Uint8Array ? [sent] : sent) {
      upstream.write(typeof part === 'string' ? Buffer.from(part, 'latin1') : part)
    }
  }
}
