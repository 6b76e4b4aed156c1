import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from 'holdfast/contracts'
import { freePort } from './free-port.ts'
import { MemcachedConnection, type MemcachedTarget } from './servers/memcached-connection.ts'
import { requireExecutable } from './servers/require-executable.ts'
import { ServerError } from './servers/server-error.ts'
import { ServerFolder } from './servers/server-folder.ts'
import { pause, ServerProcess } from './servers/server-process.ts'
import { PORT_TAKEN, startPatiently } from './servers/start-patiently.ts'

export interface StartMemcachedOptions {
  /** Memory for items, in MB (`-m`). Default: the server's own, 64. */
  readonly memoryMb?: number
  /** Where memory is full: make room (default), or answer with an error (`-M`). */
  readonly whenFull?: 'evict' | 'refuse'
  /** The largest item, as the server takes it, e.g. '8m' (`-I`). Default: the server's own, 1 MB. */
  readonly itemSizeMax?: string
  /** Files of a certificate and its key: every connection is TLS then (`-Z`). */
  readonly tls?: { readonly certFile: string; readonly keyFile: string }
  /** Who may ask, by password without spaces (`-Y`). Default: everybody. */
  readonly users?: Readonly<Record<string, string>>
  /** Listens on a unix socket, `socketPath` of the server, and on no port (`-s`). Default false. */
  readonly unixSocket?: boolean
  /** Keeps its items in a file, so that `restartWithData` finds them again (`-e`). Default false. */
  readonly keepsData?: boolean
  /** More of its command line, e.g. `['-t', '1']`. Wins over what is set here. */
  readonly args?: readonly string[]
}

const PROGRAM = { variable: 'MEMCACHED_BIN', name: 'memcached', aptPackage: 'memcached' } as const
// A server is ready in about 10 ms on an idle machine.
const POLL_MS = 2
const READY_MS_MAX = 15_000
const PROBE_MS_MAX = 1_000
// To write its items down it takes a second.
const SAVE_MS_MAX = 5_000
// A server that kept its data is not believed if it comes back within the second in which it ended.
const SECOND_MS = 1_000
const PAST_SECOND_MS = 20

/**
 * Starts a real server on a free port of 127.0.0.1, with a temporary folder of its own: MEMCACHED_BIN, or `memcached`.
 * Resolves when it answers, after about 10 ms. Ends with this process.
 * Throws ServerError: 'missing' (with the line that installs it) or 'not_started' (with the end of its log).
 */
export async function startMemcached(options: StartMemcachedOptions = {}): Promise<MemcachedServer> {
  const executable = requireExecutable(PROGRAM)
  const folder = new ServerFolder('memcached')
  try {
    return await startPatiently(async () => {
      const server = new MemcachedServer(executable, folder, await freePort(), options)
      await server.start()
      return server
    }, PORT_TAKEN)
  } catch (error) {
    folder.remove()
    throw error
  }
}

/** A server that a test owns. Whoever started it stops it, or writes `await using`. */
export class MemcachedServer implements AsyncDisposable {
  readonly port: number
  /** `memcached://127.0.0.1:port`, `memcacheds://…` with TLS, or `memcached+unix:///path`; without user and password. */
  readonly url: string
  /** Path of the unix socket, where asked for. */
  readonly socketPath: string | undefined
  readonly #executable: string
  readonly #folder: ServerFolder
  readonly #args: readonly string[]
  readonly #target: MemcachedTarget
  /** What a connection says first. */
  readonly #login: string | undefined
  #process: ServerProcess | undefined
  #connection: MemcachedConnection | undefined

  /** Made by `startMemcached`. */
  constructor(executable: string, folder: ServerFolder, port: number, options: StartMemcachedOptions) {
    const tls = options.tls !== undefined
    const socketPath = options.unixSocket ? join(folder.path, 'memcached.sock') : undefined
    this.port = port
    this.socketPath = socketPath
    this.url =
      socketPath === undefined
        ? `memcached${tls ? 's' : ''}://127.0.0.1:${port}`
        : `memcached+unix://${socketPath}`
    this.#executable = executable
    this.#folder = folder
    this.#target = socketPath === undefined ? { port, tls } : { socketPath, tls }
    const [user] = Object.entries(options.users ?? {})
    this.#login = user === undefined ? undefined : loginOf(...user)
    this.#args = argsOf(folder, this.#target, options)
  }

  /** Its working folder. */
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

  /**
   * Sends one command on a plain connection of its own, kept between calls, e.g. `mg key v` or `ms key 1\r\nx`, and
   * answers its whole reply: latin1 both ways, without the last line's end. An error is a reply like any other.
   */
  async cli(command: string): Promise<string> {
    this.#running()
    if (!this.#connection?.open) this.#connection = this.#connect()
    return await this.#connection.call(command)
  }

  /** The fields of `stats`, or of one of its sections. */
  async stats(section = ''): Promise<Readonly<Record<string, string>>> {
    return statFields(await this.cli(section === '' ? 'stats' : `stats ${section}`))
  }

  /** SIGSTOP: connections stay open, and nothing answers. Resolves when every thread of it stands still. */
  async pause(): Promise<void> {
    const running = this.#running()
    running.signal('SIGSTOP')
    const by = systemClock.now() + PROBE_MS_MAX
    while (!isStopped(running.pid) && systemClock.now() < by) await pause(POLL_MS)
  }

  /** SIGCONT. */
  resume(): void {
    this.#running().signal('SIGCONT')
  }

  /** `kill -9`. Resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL', 0)
    this.#connection?.close()
  }

  /** Starts it again on the same port with the same arguments, empty; one that still runs is killed first. */
  async restart(): Promise<void> {
    await this.kill()
    await startPatiently(() => this.start(), PORT_TAKEN)
  }

  /** As `restart`, with the items that it held. It takes about 2 s: the server has to end in an earlier second. */
  async restartWithData(): Promise<void> {
    await this.#process?.end('SIGUSR1', SAVE_MS_MAX)
    this.#connection?.close()
    await pause(SECOND_MS - (systemClock.wallNow() % SECOND_MS) + PAST_SECOND_MS)
    await startPatiently(() => this.start(), PORT_TAKEN)
  }

  /** SIGKILL (there is nothing to save, and SIGTERM takes it a second), and the folder is removed. Idempotent. */
  async stop(): Promise<void> {
    await this.kill()
    this.#folder.remove()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Starts the process; `startMemcached` and `restart` do. */
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

  /** A connection that has logged in, where that is asked for. */
  #connect(): MemcachedConnection {
    const connection = new MemcachedConnection(this.#target)
    // Not awaited before a command is sent: two calls in one turn keep their order.
    if (this.#login !== undefined) connection.call(this.#login).catch(() => connection.close())
    return connection
  }

  /** Whether this very process answers: on a port that was lost in a race, a stranger would. */
  async #answers(pid: number): Promise<boolean> {
    const connection = this.#connect()
    const limit = systemClock.after(PROBE_MS_MAX, () => connection.close())
    try {
      return statFields(await connection.call('stats')).pid === String(pid)
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

function argsOf(folder: ServerFolder, target: MemcachedTarget, options: StartMemcachedOptions): string[] {
  const { memoryMb, itemSizeMax, tls, users } = options
  const args = 'port' in target ? ['-p', `${target.port}`, '-l', '127.0.0.1'] : ['-s', target.socketPath]
  // It refuses to run as root unless it is told to.
  if (process.getuid?.() === 0) args.push('-u', 'root')
  if (memoryMb !== undefined) args.push('-m', `${memoryMb}`)
  if (itemSizeMax !== undefined) args.push('-I', itemSizeMax)
  if (options.whenFull === 'refuse') args.push('-M')
  if (options.keepsData) args.push('-e', join(folder.path, 'items'))
  if (tls !== undefined) args.push('-Z', '-o', `ssl_chain_cert=${tls.certFile},ssl_key=${tls.keyFile}`)
  if (users !== undefined) {
    const file = join(folder.path, 'users')
    const lines = Object.entries(users).map(([user, password]) => `${user}:${password}\n`)
    writeFileSync(file, lines.join(''), { mode: 0o600 })
    args.push('-Y', file)
  }
  return [...args, ...(options.args ?? [])]
}

/** How text authentication is done: a set of any key. */
function loginOf(user: string, password: string): string {
  const secret = Buffer.from(`${user} ${password}`).toString('latin1')
  return `set login 0 0 ${secret.length}\r\n${secret}`
}

/** By what Linux says of its threads, some of which may have a command to finish; true where nothing says so. */
function isStopped(pid: number): boolean {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    return threads.every((thread) => / T /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1')))
  } catch {
    return true
  }
}

function statFields(reply: string): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const line of reply.split('\r\n')) {
    const [, name, value] = /^STAT (\S+) ?(.*)$/.exec(line) ?? []
    if (name !== undefined) fields[name] = value ?? ''
  }
  return fields
}
