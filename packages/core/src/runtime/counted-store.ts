import {
  type Acquired,
  type AcquireRequest,
  applyInvalidation,
  type Breaker,
  type Clock,
  type Filled,
  type FillRequest,
  type Invalidation,
  type Names,
  type NamespaceStore,
  type PutReply,
  type PutRequest,
  type Reached,
  type ReadRequest,
  type Token,
  type Tokens,
} from '../contracts.ts'

/** A namespace of a store, whose breaker is told how each operation ends. */
export class CountedStore implements NamespaceStore {
  readonly part: ((key: string) => number) | undefined
  readonly #store: NamespaceStore
  readonly #breaker: Breaker
  readonly #clock: Clock

  constructor(store: NamespaceStore, breaker: Breaker, clock: Clock) {
    this.#store = store
    this.#breaker = breaker
    this.#clock = clock
    this.part = store.part === undefined ? undefined : (key) => store.part?.(key) ?? 0
  }

  get owed(): number {
    return this.#store.owed ?? 0
  }

  /** Not counted here: whoever is answered in the order of the wire says so himself. */
  read(request: ReadRequest, by: number): void {
    this.#store.read(request, by)
  }

  tokens(key: string, tags: readonly string[], mintLifeMs: number | undefined, by: number): Promise<Tokens> {
    return this.#count(this.#store.tokens(key, tags, mintLifeMs, by), by)
  }

  acquire(request: AcquireRequest, by: number): Promise<Acquired> {
    return this.#count(this.#store.acquire(request, by), by)
  }

  renew(key: string, token: Token, leaseMs: number, by: number): Promise<boolean> {
    return this.#count(this.#store.renew(key, token, leaseMs, by), by)
  }

  fill(request: FillRequest, by: number): Promise<Filled> {
    return this.#count(this.#store.fill(request, by), by)
  }

  release(key: string, token: Token, by: number): Promise<boolean> {
    return this.#count(this.#store.release(key, token, by), by)
  }

  invalidate(keys: readonly string[], by: number): Promise<Reached> {
    return this.apply({ kind: 'keys', names: keys }, by)
  }

  invalidateTags(tags: readonly string[], by: number): Promise<Reached> {
    return this.apply({ kind: 'tags', names: tags }, by)
  }

  expire(keys: readonly string[], by: number): Promise<Reached> {
    return this.apply({ kind: 'expire-keys', names: keys }, by)
  }

  expireTags(tags: readonly string[], by: number): Promise<Reached> {
    return this.apply({ kind: 'expire-tags', names: tags }, by)
  }

  clear(by: number): Promise<Reached> {
    return this.apply({ kind: 'clear' }, by)
  }

  /** Any of the five. */
  apply(invalidation: Invalidation, by: number): Promise<Reached> {
    return this.#count(applyInvalidation(this.#store, invalidation, by), by)
  }

  put(request: PutRequest, by: number): Promise<PutReply> {
    return this.#count(this.#store.put(request, by), by)
  }

  quarantine(names: Names, token: Token, lifeMs: number, by: number): Promise<void> {
    return this.#count(this.#store.quarantine(names, token, lifeMs, by), by)
  }

  unquarantine(names: Names, token: Token, by: number): Promise<void> {
    return this.#count(this.#store.unquarantine(names, token, by), by)
  }

  close(): void {
    this.#store.close()
  }

  #count<T>(operation: Promise<T>, by: number): Promise<T> {
    const givenMs = by - this.#clock.now()
    return operation.then(
      (answer) => {
        this.#breaker.succeeded()
        return answer
      },
      (error: unknown) => {
        this.#breaker.failed(error, by, givenMs)
        throw error
      },
    )
  }
}
