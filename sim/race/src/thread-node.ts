import { Worker } from 'node:worker_threads'
import type { NodeReport, NodeSetup, RacingNode } from './race-node.ts'

export interface ThreadCall {
  readonly id: number
  readonly call: keyof RacingNode
}

export interface ThreadAnswer {
  readonly id: number
  readonly value?: NodeReport | undefined
  readonly error?: string
}

interface Waiting {
  readonly resolve: (value: NodeReport | undefined) => void
  readonly reject: (error: unknown) => void
}

/** A node in a thread of its own: an event loop, a heap and a connection that no other node shares. */
export class ThreadNode implements RacingNode {
  readonly #worker: Worker
  // Bounded by the calls under way: the writers, and one more.
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #failure: { readonly error: unknown } | undefined

  constructor(setup: NodeSetup) {
    this.#worker = new Worker(new URL('./thread.ts', import.meta.url), { workerData: setup })
    this.#worker.on('message', (answer: ThreadAnswer) => this.#settle(answer))
    this.#worker.on('error', (error) => this.#fail(error))
    this.#worker.on('exit', (code) => this.#fail(new Error(`${setup.name} ended with code ${code}`)))
  }

  async start(): Promise<void> {
    await this.#ask('start')
  }

  async write(): Promise<void> {
    await this.#ask('write')
  }

  async rest(): Promise<void> {
    await this.#ask('rest')
  }

  async settle(): Promise<void> {
    await this.#ask('settle')
  }

  async peek(): Promise<void> {
    await this.#ask('peek')
  }

  async sweep(): Promise<NodeReport> {
    const report = await this.#ask('sweep')
    if (report === undefined) throw new TypeError('a sweep ends with a report')
    return report
  }

  async close(): Promise<void> {
    await this.#ask('close')
    await this.#worker.terminate()
  }

  #ask(call: keyof RacingNode): Promise<NodeReport | undefined> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error)
    const id = ++this.#lastId
    const { promise, resolve, reject } = Promise.withResolvers<NodeReport | undefined>()
    this.#waiting.set(id, { resolve, reject })
    this.#worker.postMessage({ id, call } satisfies ThreadCall)
    return promise
  }

  #settle({ id, value, error }: ThreadAnswer): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(new Error(error))
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
