import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from 'holdfast/contracts'
import { onProcessExit } from '../on-process-exit.ts'
import { findExecutable } from './find-executable.ts'
import { ServerError } from './server-error.ts'

/** What to start, and how. */
export interface ServerCommand {
  readonly executable: string
  readonly args: readonly string[]
  /** Working folder; output goes to `server.log` in it. */
  readonly dir: string
  /** Run as another user; only root may. */
  readonly user?: { readonly uid: number; readonly gid: number }
  /** The signal that ends it when this process dies before it. */
  readonly deathSignal: 'SIGKILL' | 'SIGQUIT'
}

// Lines of the log that an error repeats.
const LOG_LINES_MAX = 15
// PR_SET_PDEATHSIG: the kernel ends the server even where this process dies by SIGKILL. Linux only.
const setpriv = process.platform === 'linux' ? findExecutable('setpriv') : undefined

/**
 * A server that dies with this process: by the kernel where that can be arranged, else by an exit hook. It
 * does not keep this process alive while nobody waits for it.
 */
export class ServerProcess {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  readonly #logPath: string
  readonly #logStart: number
  #alive = true

  constructor(command: ServerCommand) {
    this.#logPath = join(command.dir, 'server.log')
    const output = openSync(this.#logPath, 'a', 0o600)
    this.#logStart = readFileSync(this.#logPath).length
    this.#child = spawnChild(command, output)
    closeSync(output)
    const forget = onProcessExit('end', () => this.signal(command.deathSignal))
    this.#ended = new Promise((resolve) => {
      const end = (): void => {
        this.#alive = false
        forget()
        resolve()
      }
      this.#child.once('exit', end)
      this.#child.once('error', end)
    })
    this.pid = this.#child.pid ?? -1
    if (this.#child.pid === undefined) this.#alive = false
  }

  get alive(): boolean {
    return this.#alive
  }

  /** What it wrote since it was started. */
  log(): string {
    return readFileSync(this.#logPath).subarray(this.#logStart).toString()
  }

  /** Sends a signal by pid; nothing happens when it has ended. */
  signal(name: NodeJS.Signals): void {
    if (this.#alive) this.#child.kill(name)
  }

  /** Sends `name`, then SIGKILL if it lives on after `graceMs`. Resolves when it has ended. */
  async end(name: NodeJS.Signals, graceMs: number): Promise<void> {
    this.keep(true)
    this.signal(name)
    // A stopped process (SIGSTOP) handles nothing but SIGKILL until it is continued.
    this.signal('SIGCONT')
    const timer = systemClock.after(graceMs, () => this.signal('SIGKILL'))
    await this.#ended
    timer.cancel()
  }

  /** Whether its life keeps this process alive: true while someone waits for it. */
  keep(isWaitedFor: boolean): void {
    if (isWaitedFor) this.#child.ref()
    else this.#child.unref()
  }

  /**
   * Asks `isReady` every `pollMs` until it says true. Rejects with the end of the log when the server ends
   * first or is not ready within `limitMs`.
   */
  async whenReady(isReady: () => Promise<boolean>, pollMs: number, limitMs: number): Promise<void> {
    const by = systemClock.now() + limitMs
    this.keep(true)
    while (this.#alive && systemClock.now() < by) {
      // A port lost to a stranger who never answers must not hide that the server has ended.
      const ready = await Promise.race([isReady(), this.#ended.then(() => false)])
      if (ready) {
        this.keep(false)
        return
      }
      await pause(pollMs)
    }
    const what = this.#alive ? `was not ready within ${limitMs} ms` : 'ended while it started'
    await this.end('SIGKILL', 0)
    const tail = this.log().trimEnd().split('\n').slice(-LOG_LINES_MAX).join('\n')
    throw new ServerError('not_started', `${this.#child.spawnfile} ${what}; its log ends with:\n${tail}`)
  }
}

/** Waits on the machine's clock. The timer alone does not keep the process alive. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => systemClock.after(ms, resolve))
}

function spawnChild(command: ServerCommand, output: number): ChildProcess {
  const { executable, args, dir, user } = command
  // Logs are read for what they say: in English, in UTC.
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' }
  // Detached: a terminal sends Ctrl-C to all of its group, and a server shall be ended by its owner, in the right order.
  const options: SpawnOptions = {
    cwd: dir,
    stdio: ['ignore', output, output],
    env,
    detached: true,
    ...user,
  }
  if (setpriv === undefined) return spawn(executable, args, options)
  const signalName = command.deathSignal.slice('SIG'.length)
  return spawn(setpriv, ['--pdeathsig', signalName, executable, ...args], options)
}
