import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Channel } from './channel.ts'
import type { Outside } from './outside.ts'

/** What runs in the process: see node.test-process.ts. */
export type NodeKind = 'holdfast' | 'naive' | 'herd'

/** A node of a fleet in an operating-system process of its own. It ends with this process, however that ends. */
export class NodeProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #channel: Channel

  /** `options` are plain data. */
  constructor(kind: NodeKind, options: object, outside: Outside) {
    const file = fileURLToPath(new URL('./node.test-process.ts', import.meta.url))
    this.#child = fork(file, [kind, JSON.stringify(options)], { execArgv: ['--conditions=holdfast-source'] })
    this.#channel = new Channel((text) => this.#child.send(text), outside)
    this.#child.on('message', (text) => this.#channel.take(String(text)))
    this.#child.once('error', (error) => this.#channel.end(error))
    this.#child.once('exit', (code, signal) => {
      this.#channel.end(new Error(`the process ended: ${signal ?? `exit code ${code}`}`))
    })
  }

  /** Runs a method of the node over there. Rejects with its error, or when the process ends before it answers. */
  call<T>(method: string, argument?: unknown): Promise<T> {
    return this.#channel.call<T>(method, argument)
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
}
