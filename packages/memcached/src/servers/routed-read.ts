import type { FoundEntry, ReadRequest, Tokens } from 'holdfast/contracts'
import type { NamespaceOnServer } from './namespace-on-server.ts'

/** A read on its way to the server that keeps its key: what becomes of it is also what becomes of that server. */
export class RoutedRead implements ReadRequest {
  readonly key: string
  readonly tags: readonly string[]
  readonly namespace: boolean
  readonly intent: ReadRequest['intent']
  readonly known: string | undefined
  readonly #request: ReadRequest
  readonly #at: NamespaceOnServer
  readonly #by: number
  readonly #givenMs: number

  constructor(request: ReadRequest, at: NamespaceOnServer, by: number, givenMs: number) {
    this.key = request.key
    this.tags = request.tags
    this.namespace = request.namespace
    this.intent = request.intent
    this.known = request.known
    this.#request = request
    this.#at = at
    this.#by = by
    this.#givenMs = givenMs
  }

  get tagLifeMs(): number {
    return this.#request.tagLifeMs
  }

  get written(): boolean {
    return this.#request.written
  }

  set written(isWritten: boolean) {
    this.#request.written = isWritten
  }

  answered(found: FoundEntry, tokens: Tokens): void {
    if (this.#isWorth(tokens)) this.#request.answered(found, tokens)
    else this.#request.failed(this.#at.absence)
  }

  unchanged(tokens: Tokens): void {
    if (this.#isWorth(tokens)) this.#request.unchanged?.(tokens)
    else this.#request.failed(this.#at.absence)
  }

  failed(error: unknown): void {
    this.#request.failed(this.#at.failure(error, this.#by, this.#givenMs))
  }

  /** An invalidation that the server did not take while this was under way may be about what it answers. */
  #isWorth(tokens: Tokens): boolean {
    this.#at.succeeded()
    return this.#at.isUsed && !this.#at.isSealed(tokens)
  }
}
