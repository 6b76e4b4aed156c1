import { after, nextTurn } from './clock.ts'
import type { DatabaseAnswer, DatabaseRequest } from './database.ts'
import { LOADER_MS_MAX } from './dials.ts'

/** What a load or a commit ends with that the database did not do, or not in time. */
export class DatabaseFailed extends Error {
  override readonly name = 'DatabaseFailed'
}

interface Waiting {
  readonly resolve: (version: number) => void
  readonly reject: (error: DatabaseFailed) => void
}

/** The database, as a process sees it. */
export class DatabaseClient {
  readonly #send: (requests: readonly DatabaseRequest[]) => void
  // Bounded by the loads and writes under way.
  readonly #waiting = new Map<number, Waiting>()
  // Of this turn of the event loop.
  #unsent: DatabaseRequest[] = []
  #lastId = 0

  constructor(send: (requests: readonly DatabaseRequest[]) => void) {
    this.#send = send
  }

  /** The version of now, or rejects with DatabaseFailed within LOADER_MS_MAX. */
  async read(key: number): Promise<number> {
    const { id, answer } = this.#ask('read', key)
    // An answer that arrived while this event loop was blocked is not late: it is handled before the next turn.
    const giveUp = () =>
      nextTurn(() => this.#waiting.get(id)?.reject(new DatabaseFailed('no answer in time')))
    const cancel = after(LOADER_MS_MAX, giveUp)
    try {
      return await answer
    } finally {
      cancel()
    }
  }

  /** Raises the version, and answers it. */
  async commit(key: number): Promise<number> {
    return await this.#ask('commit', key).answer
  }

  settle(answers: readonly DatabaseAnswer[]): void {
    for (const { id, version } of answers) {
      const waiting = this.#waiting.get(id)
      if (version === 0) waiting?.reject(new DatabaseFailed('the database is away'))
      else waiting?.resolve(version)
    }
  }

  #ask(ask: DatabaseRequest['ask'], key: number): { readonly id: number; readonly answer: Promise<number> } {
    const id = ++this.#lastId
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    this.#waiting.set(id, { resolve, reject })
    const forget = () => void this.#waiting.delete(id)
    promise.then(forget, forget)
    if (this.#unsent.length === 0) nextTurn(() => this.#sendAll())
    this.#unsent.push({ id, ask, key })
    return { id, answer: promise }
  }

  #sendAll(): void {
    const requests = this.#unsent
    this.#unsent = []
    this.#send(requests)
  }
}
