import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What runs in the process: see node.test-process.ts. */
export type NodeKind = 'herd' | 'flood' | 'values'

/** What goes over the channel, as JSON text. */
export interface TestCall {
  readonly id: number
  readonly method: string
  readonly argument: unknown
}

export type TestReply<T> =
  | { readonly id: number; readonly answer?: T; readonly error?: undefined }
  | { readonly id: number; readonly error: string }

interface Waiting {
  settle(text: string): void
  reject(error: Error): void
}

/** A node of a test in an operating-system process of its own. It ends with this process, however that ends. */
export class TestProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #calls = 0

  constructor(kind: NodeKind, options: object) {
    const file = fileURLToPath(new URL('./node.test-process.ts', import.meta.url))
    this.#child = fork(file, [kind, JSON.stringify(options)], { execArgv: ['--conditions=holdfast-source'] })
    this.#child.on('message', (text) => this.#take(String(text)))
    this.#child.once('error', (error) => this.#end(error))
    this.#child.once('exit', (code, signal) => {
      this.#end(new Error(`the process ended: ${signal ?? `exit code ${code}`}`))
    })
  }

  /** Runs a method of the node over there. Rejects with its error, or when the process ends before it answers. */
  call<T>(method: string, argument?: unknown): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const id = ++this.#calls
    const settle = (text: string): void => {
      const reply: TestReply<T> = JSON.parse(text)
      if (reply.error !== undefined) reject(new Error(reply.error))
      // A method without an answer is one whose type has none.
      else resolve(reply.answer ?? JSON.parse('null'))
    }
    this.#waiting.set(id, { settle, reject })
    const sent: TestCall = { id, method, argument }
    this.#child.send(JSON.stringify(sent))
    return promise
  }

  /** kill -9. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }

  #take(text: string): void {
    const reply: TestReply<unknown> = JSON.parse(text)
    this.#waiting.get(reply.id)?.settle(text)
    this.#waiting.delete(reply.id)
  }

  #end(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
