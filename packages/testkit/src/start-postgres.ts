import { execFile } from 'node:child_process'
import { chownSync, globSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'
import { findExecutable } from './servers/find-executable.ts'
import { ServerError } from './servers/server-error.ts'
import { ServerFolder } from './servers/server-folder.ts'
import { ServerProcess } from './servers/server-process.ts'
import { type Passing, startPatiently } from './servers/start-patiently.ts'

export interface StartPostgresOptions {
  /** Server settings, e.g. `{ wal_level: 'logical' }`. Win over what is set here. */
  readonly settings?: Readonly<Record<string, string>>
}

interface User {
  readonly uid: number
  readonly gid: number
}

const run = promisify(execFile)

/** Nothing here has to survive a power cut, only a kill; and messages are read for what they say. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  fsync: 'off',
  full_page_writes: 'off',
  lc_messages: 'C',
  log_min_messages: 'log',
}
const INIT_ARGS = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
const POLL_MS = 5
const READY_MS_MAX = 30_000
const STOP_GRACE_MS = 5_000
const PSQL_BYTES_MAX = 64 * 2 ** 20
/** A port lost in a race, or backends of a killed postmaster, which take up to 100 ms to notice that it is gone. */
const PASSING: Passing = {
  says: /address already in use|pre-existing shared memory|lock file .* already exists/i,
  pauseMs: 100,
}

/**
 * Starts a real PostgreSQL on a free port of 127.0.0.1 with an own data folder: POSTGRES_BIN, PATH or Debian's
 * /usr/lib/postgresql. Takes about 1 s. It refuses root, so root starts it as `postgres` or `nobody`. User
 * `postgres`, no password, database `postgres`. Ends with this process.
 * Throws ServerError: 'missing' (with the line that installs it) or 'not_started' (with the end of its log).
 */
export async function startPostgres(options: StartPostgresOptions = {}): Promise<PostgresServer> {
  const programs = findPostgres()
  if (programs === undefined) {
    throw new ServerError(
      'missing',
      'PostgreSQL is not on this machine. Set POSTGRES_BIN, or type:\n  sudo apt-get install -y postgresql',
    )
  }
  const folder = new ServerFolder('postgres')
  try {
    const user = process.getuid?.() === 0 ? unprivilegedUser() : undefined
    if (user !== undefined) chownSync(folder.path, user.uid, user.gid)
    await initialise(programs, folder, user)
    return await startPatiently(async () => {
      const server = new PostgresServer(programs, folder, user, await freePort(), options.settings ?? {})
      await server.start()
      return server
    }, PASSING)
  } catch (error) {
    folder.remove()
    throw error
  }
}

/** The folder of PostgreSQL's programs; undefined: it is not on this machine. */
export function findPostgres(): string | undefined {
  // Newest version first, by number and not by text: 15 > 9.
  const byVersion = new Intl.Collator('en', { numeric: true })
  const debian = globSync('/usr/lib/postgresql/*/bin').sort((a, b) => byVersion.compare(b, a))
  const server = findExecutable(process.env.POSTGRES_BIN || 'postgres', debian)
  if (server === undefined) return undefined
  // The other programs are beside the real file, not beside a link to it.
  const programs = dirname(realpathSync(server))
  return findExecutable(join(programs, 'initdb')) === undefined ? undefined : programs
}

/** A server that a test owns. Whoever started it stops it, or writes `await using`. */
export class PostgresServer implements AsyncDisposable {
  readonly port: number
  /** `postgres://postgres@127.0.0.1:port/postgres` */
  readonly url: string
  readonly #programs: string
  readonly #folder: ServerFolder
  readonly #user: User | undefined
  readonly #args: readonly string[]
  #process: ServerProcess | undefined

  /** Made by `startPostgres`. */
  constructor(
    programs: string,
    folder: ServerFolder,
    user: User | undefined,
    port: number,
    settings: Readonly<Record<string, string>>,
  ) {
    this.port = port
    this.url = `postgres://postgres@127.0.0.1:${port}/postgres`
    this.#programs = programs
    this.#folder = folder
    this.#user = user
    const all = { ...SETTINGS, unix_socket_directories: folder.path, ...settings }
    const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    this.#args = ['-D', dataFolder(folder), '-p', `${port}`, ...flags]
  }

  /** Its temporary folder: the data folder `data` and `server.log` are in it. */
  get dir(): string {
    return this.#folder.path
  }

  /** Of the postmaster; another one after each restart. */
  get pid(): number {
    return this.#running().pid
  }

  /** What it printed since it was started. */
  log(): string {
    return this.#process?.log() ?? ''
  }

  /** Runs SQL through `psql`; resolves to its rows, one a line, columns separated by `|`. Rejects on an error. */
  async psql(sql: string): Promise<string> {
    this.#running()
    const beside = join(this.#programs, 'psql')
    const psql = findExecutable(beside) ?? 'psql'
    const args = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', this.url, '-c', sql]
    const { stdout } = await run(psql, args, { maxBuffer: PSQL_BYTES_MAX })
    return stdout.trimEnd()
  }

  /** `kill -9` of the postmaster. The folder stays, for `restart`. Resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL', 0)
  }

  /** Starts it again on the same port and data; one that still runs is ended first. */
  async restart(): Promise<void> {
    await this.#process?.end('SIGINT', STOP_GRACE_MS)
    await startPatiently(() => this.start(), PASSING)
  }

  /** Fast shutdown, SIGKILL if that takes longer than 5 s, and the folder is removed. Idempotent. */
  async stop(): Promise<void> {
    await this.#process?.end('SIGINT', STOP_GRACE_MS)
    this.#folder.remove()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Starts the process; `startPostgres` and `restart` do. */
  async start(): Promise<void> {
    const started = new ServerProcess({
      executable: join(this.#programs, 'postgres'),
      args: this.#args,
      dir: this.dir,
      // An immediate shutdown: unlike SIGKILL it frees the shared memory.
      deathSignal: 'SIGQUIT',
      ...(this.#user === undefined ? {} : { user: this.#user }),
    })
    this.#process = started
    const isReady = async (): Promise<boolean> => started.log().includes('ready to accept connections')
    await started.whenReady(isReady, POLL_MS, READY_MS_MAX)
  }

  #running(): ServerProcess {
    if (this.#process?.alive) return this.#process
    throw new ServerError('not_running', `PostgreSQL on port ${this.port} is not running`)
  }
}

async function initialise(programs: string, folder: ServerFolder, user: User | undefined): Promise<void> {
  const initdb = join(programs, 'initdb')
  try {
    await run(initdb, ['-D', dataFolder(folder), ...INIT_ARGS], { cwd: folder.path, ...user })
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    throw new ServerError('not_started', `${initdb} failed: ${said}`, error)
  }
}

function dataFolder(folder: ServerFolder): string {
  return join(folder.path, 'data')
}

/** The user that root starts the server as. */
function unprivilegedUser(): User {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(':') ?? []
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new ServerError(
    'not_started',
    'PostgreSQL refuses root, and /etc/passwd has no postgres and no nobody',
  )
}
