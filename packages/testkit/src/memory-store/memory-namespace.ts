import {
  type Acquired,
  type AcquireRequest,
  CacheError,
  type Clock,
  decodeEntry,
  type Filled,
  type FillRequest,
  type FoundEntry,
  type Names,
  type NamespaceStore,
  type PutReply,
  type PutRequest,
  type Reached,
  type ReadRequest,
  type StoredEntry,
  type Token,
  type Tokens,
  type UnreadableEntry,
} from 'holdfast/contracts'
import type { MemoryCommands, RawAcquired, RawRead } from './memory-commands.ts'
import type { MemoryLink } from './memory-link.ts'
import type { Place } from './memory-rules.ts'
import type { MemoryServer } from './memory-server.ts'
import type { MemoryOperation } from './model.ts'

/** One namespace on one connection: each operation is one command, except that `read` of many keys is one too. */
export class MemoryNamespace implements NamespaceStore {
  readonly #server: MemoryServer
  readonly #link: MemoryLink
  readonly #clock: Clock
  readonly #name: string
  readonly #unwatch: () => void
  #closed = false

  constructor(server: MemoryServer, link: MemoryLink, clock: Clock, name: string, unwatch: () => void) {
    this.#server = server
    this.#link = link
    this.#clock = clock
    this.#name = name
    this.#unwatch = unwatch
  }

  read(request: ReadRequest, by: number): void {
    const written = (): void => {
      request.written = true
    }
    const run = (commands: MemoryCommands, at: Place): RawRead => commands.read(at, request)
    // Called when the reply is delivered, in the order of deliveries.
    const finish = ({ value, tokens }: RawRead): void =>
      request.answered(this.#found(value, request.key), tokens)
    this.#ask('read', by, run, finish, written).catch((error: unknown) => request.failed(error))
  }

  tokens(_key: string, tags: readonly string[], mintLifeMs: number | undefined, by: number): Promise<Tokens> {
    return this.#ask('tokens', by, (commands, at) => commands.tokens(at, tags, mintLifeMs), asIs)
  }

  acquire(request: AcquireRequest, by: number): Promise<Acquired> {
    const finish = (raw: RawAcquired): Acquired =>
      raw.state === 'found'
        ? { state: 'found', entry: this.#decode(raw.value, request.key), tokens: raw.tokens }
        : raw
    return this.#ask('acquire', by, (commands, at) => commands.acquire(at, request), finish)
  }

  renew(key: string, token: Token, leaseMs: number, by: number): Promise<boolean> {
    return this.#ask('renew', by, (commands, at) => commands.renew(at, key, token, leaseMs), asIs)
  }

  fill(request: FillRequest, by: number): Promise<Filled> {
    return this.#ask('fill', by, (commands, at) => commands.fill(at, request), asIs)
  }

  release(key: string, token: Token, by: number): Promise<boolean> {
    return this.#ask('release', by, (commands, at) => commands.release(at, key, token), asIs)
  }

  invalidate(keys: readonly string[], by: number): Promise<Reached> {
    return this.#ask('invalidate', by, (commands, at) => commands.invalidate(at, keys), applied)
  }

  invalidateTags(tags: readonly string[], by: number): Promise<Reached> {
    return this.#ask('invalidateTags', by, (commands, at) => commands.invalidateTags(at, tags), applied)
  }

  expire(keys: readonly string[], by: number): Promise<Reached> {
    return this.#ask('expire', by, (commands, at) => commands.expire(at, keys), applied)
  }

  expireTags(tags: readonly string[], by: number): Promise<Reached> {
    return this.#ask('expireTags', by, (commands, at) => commands.expireTags(at, tags), applied)
  }

  clear(by: number): Promise<Reached> {
    return this.#ask('clear', by, (commands, at) => commands.clear(at), applied)
  }

  put(request: PutRequest, by: number): Promise<PutReply> {
    const deadlineMs = this.#server.now() + by - this.#clock.now()
    return this.#ask('put', by, (commands, at) => commands.put(at, request, deadlineMs), asIs)
  }

  quarantine(names: Names, token: Token, lifeMs: number, by: number): Promise<void> {
    return this.#ask('quarantine', by, (commands, at) => commands.quarantine(at, names, token, lifeMs), asIs)
  }

  unquarantine(names: Names, token: Token, by: number): Promise<void> {
    return this.#ask('unquarantine', by, (commands, at) => commands.unquarantine(at, names, token), asIs)
  }

  close(): void {
    this.#closed = true
    this.#unwatch()
  }

  #ask<Raw, Reply>(
    operation: MemoryOperation,
    by: number,
    run: (commands: MemoryCommands, at: Place) => Raw,
    finish: (raw: Raw) => Reply,
    written: () => void = () => {},
  ): Promise<Reply> {
    if (this.#closed) return Promise.reject(new CacheError('closed', 'the namespace was closed'))
    const { commands } = this.#server
    const namespace = this.#name
    return this.#link.send(
      { operation, run: (session) => run(commands, { session, namespace }), finish, written },
      by,
    )
  }

  #found(bytes: Buffer | undefined, key: string): FoundEntry {
    return bytes === undefined ? undefined : this.#decode(bytes, key)
  }

  // A copy, as bytes from a socket are: nobody who keeps the payload holds the server's memory.
  #decode(bytes: Buffer, key: string): StoredEntry | UnreadableEntry {
    return decodeEntry(Buffer.from(bytes), key, this.#server.now())
  }
}

function asIs<T>(raw: T): T {
  return raw
}

function applied(): Reached {
  return 'applied'
}
