import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { systemClock } from 'holdfast/contracts'
import { LONG } from './long.ts'

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface ToldProcessOptions {
  /** More options of Node. */
  readonly flags?: readonly string[]
  /** A program that starts Node, with its arguments: it must become it, not fork it. */
  readonly before?: readonly string[]
}

const TOLD_MS_MAX = LONG ? 900_000 : 60_000

/**
 * A program of ours that runs by itself, tells how it goes (`tell`), and ends by itself. An unhandled rejection
 * anywhere in it is its end, with a code other than 0. It ends with this process at the latest.
 */
export class ToldProcess implements AsyncDisposable {
  readonly ended: Promise<ProcessEnd>
  readonly #child: ChildProcess
  readonly #told: unknown[] = []
  #take: (() => void) | undefined
  #isRunning = true
  #errors = ''

  constructor(file: URL, args: readonly string[] = [], { flags = [], before = [] }: ToldProcessOptions = {}) {
    const node = [process.execPath, '--conditions=holdfast-source', '--unhandled-rejections=strict', ...flags]
    const [execPath = '', ...execArgv] = [...before, ...node]
    this.#child = fork(file, args, { execPath, execArgv, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-4000)
    })
    this.#child.on('message', (message) => {
      this.#told.push(message)
      this.#take?.()
    })
    this.ended = once(this.#child, 'exit').then(([code, signal]) => {
      this.#isRunning = false
      this.#take?.()
      return { code, signal }
    })
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  /** What it wrote to its error stream. */
  get errors(): string {
    return this.#errors
  }

  /** The next thing that it told. Rejects when it ends without, or tells nothing for too long. */
  async told<T>(): Promise<T> {
    if (this.#told.length === 0 && this.#isRunning) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const overdue = systemClock.after(TOLD_MS_MAX, resolve)
      this.#take = resolve
      await promise
      overdue.cancel()
    }
    if (this.#told.length === 0) throw new Error(`the process told nothing more; it wrote: ${this.#errors}`)
    return JSON.parse(String(this.#told.shift()))
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal('SIGKILL')
    await this.ended
  }
}
