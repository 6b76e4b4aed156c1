import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type RedisServer, until } from '@holdfast/testkit'

/** A command that a server took from a connection. */
export interface LoggedCommand {
  readonly name: string
  readonly args: readonly string[]
  /** When the server took it, in microseconds of its own clock. */
  readonly atMicros: number
  /** The connection it came from. */
  readonly from: string
}

// `1700000000.123456 [0 127.0.0.1:5000] "GET" "k"`; what a script calls has `lua` for an address.
const LINE = /^\+(\d+)\.(\d{6}) \[\d+ ([^\]]+)\] (.*)$/
const ARGUMENT = /"((?:[^"\\]|\\.)*)"/g
/** What a cache sends without being asked: whether the server is a primary, clock and freshness, and tags kept warm. */
const HEARTBEAT: ReadonlySet<string> = new Set(['TIME', 'TOUCH', 'HELLO'])

/** What connections send to a server, as the server itself tells it (MONITOR). Commands that scripts call are left out. */
export class CommandLog implements Disposable {
  readonly #server: RedisServer
  readonly #socket: Socket
  #commands: LoggedCommand[] = []
  #rest = ''
  #marks = 0

  private constructor(server: RedisServer, socket: Socket) {
    this.#server = server
    this.#socket = socket
    socket.on('error', () => undefined)
    socket.setEncoding('latin1')
    socket.on('data', (text) => this.#take(String(text)))
  }

  static async start(server: RedisServer): Promise<CommandLog> {
    const socket = connect({ port: server.port, host: '127.0.0.1' })
    await once(socket, 'connect')
    const log = new CommandLog(server, socket)
    socket.write('MONITOR\r\n')
    // Monitored from the first mark that is seen on.
    await until('the server is monitored', () => log.#isMarked())
    return log
  }

  /** What was sent since the last call, heartbeats excluded, in the order in which the server took it. */
  async take(): Promise<readonly LoggedCommand[]> {
    const mark = `mark ${++this.#marks}`
    await this.#server.cli('ECHO', mark)
    const isMark = ({ name, args }: LoggedCommand): boolean => name === 'ECHO' && args[0] === mark
    await until('the log has caught up', () => this.#commands.some(isMark))
    const at = this.#commands.findIndex(isMark)
    const taken = this.#commands.splice(0, at + 1)
    return taken.filter(({ name }) => !HEARTBEAT.has(name) && name !== 'ECHO')
  }

  /** The names of the commands that this work sends. */
  async namesDuring(work: () => Promise<unknown>): Promise<readonly string[]> {
    await this.take()
    await work()
    return (await this.take()).map(({ name }) => name)
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }

  async #isMarked(): Promise<boolean> {
    await this.#server.cli('ECHO', 'mark')
    return this.#commands.length > 0
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\r\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      const [, seconds = '', micros = '', from = '', rest = ''] = LINE.exec(line) ?? []
      const [name = '', ...args] = Array.from(rest.matchAll(ARGUMENT), ([, argument = '']) => argument)
      if (name === '' || from === 'lua') continue
      this.#commands.push({ name: name.toUpperCase(), args, atMicros: Number(seconds + micros), from })
    }
  }
}
