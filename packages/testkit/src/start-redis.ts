import { join } from 'node:path'
import { systemClock } from 'holdfast/contracts'
import { freePort } from './free-port.ts'
import { RedisConnection } from './servers/redis-connection.ts'
import { requireExecutable } from './servers/require-executable.ts'
import type { RedisReply, RedisReplyError } from './servers/resp2.ts'
import { ServerError } from './servers/server-error.ts'
import { ServerFolder } from './servers/server-folder.ts'
import { ServerProcess } from './servers/server-process.ts'
import { PORT_TAKEN, startPatiently } from './servers/start-patiently.ts'

export interface StartRedisOptions {
  /** Which program: REDIS_BIN or `redis-server` (default), or VALKEY_BIN or `valkey-server`. */
  readonly program?: 'redis' | 'valkey'
  /** More of its command line, e.g. `['--maxmemory', '10mb']`. Wins over what is set here. */
  readonly args?: readonly string[]
  /** Also listens on a unix socket, `socketPath` of the server. Default false. */
  readonly unixSocket?: boolean
  /** Password of the default user. Default: none. */
  readonly password?: string
}

/** A reply with its bulk strings as UTF-8 text. */
export type RedisText = string | number | null | RedisReplyError | readonly RedisText[]

type Argument = string | number | Uint8Array

const PROGRAMS = {
  redis: { variable: 'REDIS_BIN', name: 'redis-server', aptPackage: 'redis-server' },
  valkey: { variable: 'VALKEY_BIN', name: 'valkey-server', aptPackage: 'valkey-server' },
} as const
// A server is ready in 11 to 22 ms on an idle machine.
const POLL_MS = 2
const READY_MS_MAX = 15_000
const PROBE_MS_MAX = 1_000
// SIGTERM is seen by a timer that runs ten times a second, and may have to write a snapshot first.
const STOP_GRACE_MS = 3_000

/**
 * Starts a real server on a free port of 127.0.0.1 with an own temporary folder and no snapshots
 * (`--save ''`). Resolves when it answers PING, after about 20 ms. Ends with this process.
 * Throws ServerError: 'missing' (with the line that installs it) or 'not_started' (with the end of its log).
 */
export async function startRedis(options: StartRedisOptions = {}): Promise<RedisServer> {
  const executable = requireExecutable(PROGRAMS[options.program ?? 'redis'])
  const folder = new ServerFolder(options.program ?? 'redis')
  try {
    return await startPatiently(async () => {
      const server = new RedisServer(executable, folder, await freePort(), options)
      await server.start()
      return server
    }, PORT_TAKEN)
  } catch (error) {
    folder.remove()
    throw error
  }
}

/** A server that a test owns. Whoever started it stops it, or writes `await using`. */
export class RedisServer implements AsyncDisposable {
  readonly port: number
  /** `redis://[:password@]127.0.0.1:port` */
  readonly url: string
  /** Path of the unix socket, where asked for. */
  readonly socketPath: string | undefined
  readonly #executable: string
  readonly #folder: ServerFolder
  readonly #args: readonly string[]
  readonly #password: string | undefined
  #process: ServerProcess | undefined
  #connection: RedisConnection | undefined

  /** Made by `startRedis`. */
  constructor(executable: string, folder: ServerFolder, port: number, options: StartRedisOptions) {
    const { password } = options
    this.port = port
    this.url = `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`
    this.socketPath = options.unixSocket ? join(folder.path, 'redis.sock') : undefined
    this.#executable = executable
    this.#folder = folder
    this.#password = password
    const fixed = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder.path, '--save', '']
    const socket = this.socketPath === undefined ? [] : ['--unixsocket', this.socketPath]
    const secret = password === undefined ? [] : ['--requirepass', password]
    this.#args = [...fixed, ...socket, ...secret, ...(options.args ?? [])]
  }

  /** Its working folder; snapshots and append-only files are in it. */
  get dir(): string {
    return this.#folder.path
  }

  /** Another one after each restart. */
  get pid(): number {
    return this.#running().pid
  }

  /** What it printed since it was started. */
  log(): string {
    return this.#process?.log() ?? ''
  }

  /** Sends one command on a plain connection of its own, kept between calls; bulk strings come as text. */
  async cli(...args: readonly Argument[]): Promise<RedisText> {
    return toText(await this.cliBytes(...args))
  }

  /** As `cli`, with bulk strings as bytes. */
  async cliBytes(...args: readonly Argument[]): Promise<RedisReply> {
    this.#running()
    if (this.#connection?.open) return this.#connection.call(args)
    const connection = new RedisConnection(this.port)
    this.#connection = connection
    if (this.#password !== undefined) {
      // Not awaited before the command is sent: two calls in one turn keep their order.
      connection.call(['AUTH', this.#password]).catch(() => connection.close())
    }
    return connection.call(args)
  }

  /** The fields of INFO, or of one section of it. */
  async info(section = 'default'): Promise<Readonly<Record<string, string>>> {
    return infoFields(await this.cli('INFO', section))
  }

  /** SIGSTOP: connections stay open, and nothing answers. */
  pause(): void {
    this.#running().signal('SIGSTOP')
  }

  /** SIGCONT. */
  resume(): void {
    this.#running().signal('SIGCONT')
  }

  /** `kill -9`. The folder stays, for `restart`. Resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL', 0)
    this.#connection?.close()
  }

  /** Starts it again on the same port and folder with the same arguments; one that still runs is ended first. */
  async restart(): Promise<void> {
    await this.#process?.end('SIGTERM', STOP_GRACE_MS)
    this.#connection?.close()
    await startPatiently(() => this.start(), PORT_TAKEN)
  }

  /** SIGTERM, SIGKILL if that takes longer than 3 s, and the folder is removed. Idempotent. */
  async stop(): Promise<void> {
    await this.#process?.end('SIGTERM', STOP_GRACE_MS)
    this.#connection?.close()
    this.#folder.remove()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Starts the process; `startRedis` and `restart` do. */
  async start(): Promise<void> {
    const started = new ServerProcess({
      executable: this.#executable,
      args: this.#args,
      dir: this.dir,
      deathSignal: 'SIGKILL',
    })
    this.#process = started
    await started.whenReady(() => this.#answers(started.pid), POLL_MS, READY_MS_MAX)
  }

  /** Whether this very process answers: on a port that was lost in a race, a stranger would. */
  async #answers(pid: number): Promise<boolean> {
    const connection = new RedisConnection(this.port)
    const limit = systemClock.after(PROBE_MS_MAX, () => connection.close())
    try {
      if (this.#password !== undefined) await connection.call(['AUTH', this.#password])
      if ((await connection.call(['PING'])) !== 'PONG') return false
      const fields = infoFields(toText(await connection.call(['INFO', 'server'])))
      return fields.process_id === String(pid)
    } catch {
      return false
    } finally {
      limit.cancel()
      connection.close()
    }
  }

  #running(): ServerProcess {
    if (this.#process?.alive) return this.#process
    throw new ServerError('not_running', `the server on port ${this.port} is not running`)
  }
}

function toText(reply: RedisReply): RedisText {
  if (Buffer.isBuffer(reply)) return reply.toString()
  return isList(reply) ? reply.map(toText) : reply
}

// Array.isArray alone does not take a readonly array out of a union.
function isList(reply: RedisReply): reply is readonly RedisReply[] {
  return Array.isArray(reply)
}

function infoFields(reply: RedisText): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const line of String(reply).split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0 && !line.startsWith('#')) fields[line.slice(0, colon)] = line.slice(colon + 1)
  }
  return fields
}
