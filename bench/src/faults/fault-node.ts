import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type {
  Answer,
  CacheSettings,
  CallOrder,
  NodeFacts,
  Order,
  OrderMessage,
  Reply,
  SourceState,
} from './orders.ts'
import { isReply } from './orders.ts'

// Warnings of other people's libraries (deprecations) are no outcome.
const EXEC_ARGUMENTS = ['--conditions=holdfast-source', '--no-warnings']
const SAID_MAX = 4000
/** How long a call is waited for before it counts as one without an answer. */
export const WAIT_MS = 6000

/** The process of a node has ended by itself. */
export class NodeCrash extends Error {}

/** A node of a contender, in a process of its own; see node-process.ts. Whoever opened it ends it. */
export class FaultNode {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, PromiseWithResolvers<Reply>>()
  readonly #ended: Promise<unknown>
  #orders = 0
  #said = ''
  #isEnding = false
  #crash: string | undefined

  constructor() {
    this.#child = fork(join(import.meta.dirname, 'node-process.ts'), [], {
      execArgv: EXEC_ARGUMENTS,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString()).slice(-SAID_MAX)
    })
    this.#child.on('message', (message: unknown) => {
      if (isReply(message)) this.#settle(message)
    })
    // After stderr has been read to its end.
    this.#ended = once(this.#child, 'close').then(([code, signal]) => this.#noteEnd(code, signal))
  }

  /** Why the process ended by itself, if it did. */
  get crash(): string | undefined {
    return this.#crash
  }

  /** Opens its cache; how long that took. Rejects with what the constructor threw. */
  async open(contender: string, url: string, settings: CacheSettings): Promise<number> {
    const [opened] = (await this.#follow({ do: 'open', contender, url, settings })).answers
    return opened?.ms ?? 0
  }

  async loadFrom(source: SourceState): Promise<void> {
    await this.#follow({ do: 'load from', source })
  }

  /** getOrSet of all keys at once. */
  async call(keys: readonly string[], waitMs: number = WAIT_MS): Promise<readonly Answer[]> {
    return (await this.#follow({ do: 'call', keys, isInTurn: false, waitMs })).answers
  }

  /** getOrSet of one key after the other. */
  async callInTurn(
    keys: readonly string[],
    pace: Pick<CallOrder, 'pauseMs' | 'forMs'> = {},
  ): Promise<readonly Answer[]> {
    return (await this.#follow({ do: 'call', keys, isInTurn: true, waitMs: WAIT_MS, ...pace })).answers
  }

  async delete(keys: readonly string[]): Promise<readonly Answer[]> {
    return (await this.#follow({ do: 'delete', keys, waitMs: WAIT_MS })).answers
  }

  async facts(): Promise<NodeFacts> {
    return (await this.#follow({ do: 'tell' })).facts
  }

  /** `kill -9`; resolves when the process is gone. */
  async end(): Promise<void> {
    this.#isEnding = true
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  async #follow(order: Order): Promise<Reply> {
    if (this.#crash !== undefined) throw new NodeCrash(this.#crash)
    const message: OrderMessage = { id: ++this.#orders, order }
    const waiting = Promise.withResolvers<Reply>()
    this.#waiting.set(message.id, waiting)
    // Its error says no more than the end of the process does.
    this.#child.send(message, () => {})
    const reply = await waiting.promise
    if (reply.failure !== undefined) throw new Error(reply.failure)
    return reply
  }

  #settle(reply: Reply): void {
    this.#waiting.get(reply.id)?.resolve(reply)
    this.#waiting.delete(reply.id)
  }

  #noteEnd(code: unknown, signal: unknown): void {
    if (!this.#isEnding) this.#crash = lastError(this.#said) ?? `ended by ${signal ?? code}`
    for (const { reject } of this.#waiting.values()) reject(new NodeCrash(this.#crash ?? 'was ended'))
    this.#waiting.clear()
  }
}

/** The line of a stack trace that names the error. */
function lastError(said: string): string | undefined {
  return /^\s*(?:\w+: )?(\w*Error\b.*|\[\w*Error\b.*)$/m.exec(said)?.[1]?.slice(0, 90)
}
