import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { AppAnswer, AppSetup, Order } from './app-contract.ts'
import { pause } from './clock.ts'
import type { DatabaseAnswer, DatabaseRequest } from './database.ts'
import { isFromApp, type ToApp } from './messages.ts'
import type { Progress } from './tally.ts'
import type { WindowFile } from './window-recorder.ts'

/** What an application process says without being asked. */
export interface AppEvents {
  query(requests: readonly DatabaseRequest[], answer: (answers: readonly DatabaseAnswer[]) => void): void
  window(file: WindowFile, progress: Progress): void
  /** It ended, and nobody had told it to. */
  crashed(why: string): void
}

interface Waiting {
  readonly resolve: (answer: AppAnswer) => void
  readonly reject: (error: unknown) => void
}

// The last words of a process that crashed: a stack.
const OUTPUT_CHARS_MAX = 4000
const END_MS_MAX = 5000

/** An application process, from outside. It ends with this one. */
export class AppProcess {
  readonly name: string
  readonly #child: ChildProcess
  readonly #events: AppEvents
  // Bounded by the orders under way: a handful.
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #ended: string | undefined
  #isEnding = false
  #output = ''

  constructor(setup: AppSetup, events: AppEvents) {
    this.name = setup.name
    this.#events = events
    this.#child = fork(fileURLToPath(new URL('./app.ts', import.meta.url)), [JSON.stringify(setup)], {
      execArgv: ['--conditions=holdfast-source', '--expose-gc', '--unhandled-rejections=strict'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      output?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-OUTPUT_CHARS_MAX)
      })
    }
    this.#child.on('message', (message: unknown) => this.#take(message))
    this.#child.once('exit', (code, signal) => this.#exited(code ?? signal))
  }

  /** What it printed: nothing, if all is well. */
  get output(): string {
    return this.#output
  }

  /** Rejects where the process fails at it, or ends. */
  async ask(order: Order): Promise<AppAnswer> {
    if (this.#ended !== undefined) throw new Error(this.#ended)
    const id = ++this.#lastId
    const { promise, resolve, reject } = Promise.withResolvers<AppAnswer>()
    this.#waiting.set(id, { resolve, reject })
    this.#send({ kind: 'order', id, order })
    return await promise
  }

  /** Asks it to close; false: it answered, and did not end by itself. */
  async close(): Promise<boolean> {
    this.#isEnding = true
    const ended = once(this.#child, 'exit').then(() => true)
    await this.ask({ order: 'close' })
    const isEnded = await Promise.race([ended, pause(END_MS_MAX).then(() => false)])
    if (!isEnded) this.kill()
    return isEnded
  }

  kill(): void {
    this.#isEnding = true
    this.#child.kill('SIGKILL')
  }

  #send(message: ToApp): void {
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  #take(message: unknown): void {
    if (!isFromApp(message)) return
    switch (message.kind) {
      case 'query':
        this.#events.query(message.requests, (answers) => this.#send({ kind: 'database', answers }))
        break
      case 'window':
        this.#events.window(message.file, message.progress)
        break
      case 'answer':
        this.#settle(message.id)?.resolve(message.answer)
        break
      case 'failed':
        this.#settle(message.id)?.reject(new Error(`${this.name}: ${message.error}`))
        break
    }
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }

  #exited(how: number | string | null): void {
    this.#ended = `${this.name} ended with ${how}\n${this.#output}`
    if (!this.#isEnding) this.#events.crashed(this.#ended)
    for (const { reject } of this.#waiting.values()) reject(new Error(this.#ended))
    this.#waiting.clear()
  }
}
