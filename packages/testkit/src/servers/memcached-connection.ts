import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { ServerError } from './server-error.ts'

/** Where a test's own connection goes. */
export type MemcachedTarget =
  | { readonly port: number; readonly tls: boolean }
  | { readonly socketPath: string; readonly tls: boolean }

interface Waiting {
  resolve(reply: string): void
  reject(reason: unknown): void
}

// Replies that may be outstanding on one connection.
const WAITING_MAX = 10_000
const CRLF = '\r\n'
// Lines of a reply that goes on until END.
const LISTED = /^(?:STAT|VALUE) /
// What is followed by a block of that many bytes.
const WITH_BLOCK = /^(?:VA|VALUE [^ ]+ \d+) (\d+)/

/**
 * One plain connection of a test: no reconnection, no deadline, commands answered in order. Deliberately not the client
 * under test. It keeps the process alive only while a reply is outstanding.
 */
export class MemcachedConnection {
  readonly #socket: Socket
  readonly #waiting: Waiting[] = []
  #rest = ''
  #ended: Error | undefined

  constructor(target: MemcachedTarget) {
    const { tls, ...where } = target
    const address = 'port' in where ? { ...where, host: '127.0.0.1' } : { path: where.socketPath }
    // The certificate is the test's own, and what is tested is another connection.
    this.#socket = tls ? connectTls({ ...address, rejectUnauthorized: false }) : connect(address)
    this.#socket.setNoDelay(true)
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', (text: string) => this.#receive(text))
    this.#socket.on('error', (error) => this.#end(error))
    this.#socket.on('close', () => this.#end(new ServerError('not_running', 'the connection was closed')))
  }

  /** False once it was closed by either side. */
  get open(): boolean {
    return this.#ended === undefined
  }

  /** Sends one command that is answered, `\r\n` within it included; bytes are latin1. */
  call(command: string): Promise<string> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    if (this.#waiting.length >= WAITING_MAX) {
      return Promise.reject(new RangeError(`more than ${WAITING_MAX} commands wait for their replies`))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#socket.ref()
      this.#socket.write(command + CRLF, 'latin1')
    })
  }

  close(): void {
    this.#socket.destroy()
    this.#end(new ServerError('not_running', 'the connection was closed'))
  }

  #receive(text: string): void {
    this.#rest += text
    for (;;) {
      const length = replyLength(this.#rest)
      if (length === undefined) break
      this.#waiting.shift()?.resolve(this.#rest.slice(0, length - CRLF.length))
      this.#rest = this.#rest.slice(length)
    }
    if (this.#waiting.length === 0) this.#socket.unref()
  }

  #end(reason: Error): void {
    this.#ended ??= reason
    for (const waiting of this.#waiting.splice(0)) waiting.reject(reason)
  }
}

/** How long the first reply is; undefined: it is not all here. */
function replyLength(text: string): number | undefined {
  for (let at = 0; ; ) {
    const lineEnd = text.indexOf(CRLF, at)
    if (lineEnd < 0) return undefined
    const line = text.slice(at, lineEnd)
    const block = WITH_BLOCK.exec(line)
    at = lineEnd + CRLF.length + (block === null ? 0 : Number(block[1]) + CRLF.length)
    if (text.length < at) return undefined
    if (!LISTED.test(line)) return at
  }
}
