import { connect, type Socket } from 'node:net'
import { encodeCommand, parseReply, type RedisReply, RedisReplyError } from './resp2.ts'
import { ServerError } from './server-error.ts'

interface Waiting {
  resolve(reply: RedisReply): void
  reject(reason: unknown): void
}

/** Replies that may be outstanding on one connection. */
const WAITING_MAX = 10_000

/**
 * One plain RESP2 connection of a test: no reconnection, no deadline, commands answered in order. Deliberately
 * not the client under test. It keeps the process alive only while a reply is outstanding.
 */
export class RedisConnection {
  readonly #socket: Socket
  readonly #waiting: Waiting[] = []
  #rest: Buffer = Buffer.alloc(0)
  #ended: Error | undefined

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (chunk) => this.#receive(chunk))
    this.#socket.on('error', (error) => this.#end(error))
    this.#socket.on('close', () => this.#end(new ServerError('not_running', 'the connection was closed')))
  }

  /** False once it was closed by either side. */
  get open(): boolean {
    return this.#ended === undefined
  }

  /** Sends one command. Rejects with a RedisReplyError when the server answers with an error. */
  call(args: readonly (string | number | Uint8Array)[]): Promise<RedisReply> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    if (this.#waiting.length >= WAITING_MAX) {
      return Promise.reject(new RangeError(`more than ${WAITING_MAX} commands wait for their replies`))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#socket.ref()
      this.#socket.write(encodeCommand(args))
    })
  }

  close(): void {
    this.#socket.destroy()
    this.#end(new ServerError('not_running', 'the connection was closed'))
  }

  #receive(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    try {
      for (;;) {
        const parsed = at < this.#rest.length ? parseReply(this.#rest, at) : undefined
        if (parsed === undefined) break
        at = parsed.next
        this.#settle(parsed.reply)
      }
    } catch (error) {
      this.#socket.destroy()
      this.#end(error instanceof Error ? error : new Error(String(error)))
    }
    this.#rest = this.#rest.subarray(at)
    if (this.#waiting.length === 0) this.#socket.unref()
  }

  #settle(reply: RedisReply): void {
    const first = this.#waiting.shift()
    if (reply instanceof RedisReplyError) first?.reject(reply)
    else first?.resolve(reply)
  }

  #end(reason: Error): void {
    this.#ended ??= reason
    for (const waiting of this.#waiting.splice(0)) waiting.reject(reason)
  }
}
