import { deepEqual, equal, ok } from 'node:assert/strict'
import {
  type Acquired,
  AwaitedRead,
  type Clock,
  type Filled,
  type FoundEntry,
  type NamespaceStore,
  type NewEntry,
  type PutReply,
  type PutRequest,
  type Store,
  type StoredEntry,
  type Token,
  type Tokens,
} from 'holdfast/contracts'
import type { RecordingWatcher } from './recording-watcher.ts'

export const TAG_LIFE_MS = 60_000
/** The key of most cases: tokens are looked at where it is kept. */
export const KEY = 'k'

export interface AcquireOptions {
  readonly token?: Token
  readonly leaseMs?: number
  readonly seen?: string | undefined
  readonly tags?: readonly string[]
}

/** A load that won its lease: what `fill` needs. */
export interface Load {
  readonly key: string
  readonly token: Token
  /** Captured before the load (rule T). */
  readonly tokens: Tokens
}

/** One simulated process: a store, one namespace on it, and what it was told. */
export class Client {
  readonly store: Store
  readonly namespace: NamespaceStore
  readonly watcher: RecordingWatcher
  readonly clock: Clock
  readonly #leaseMs: number

  constructor(store: Store, namespace: NamespaceStore, watcher: RecordingWatcher, clock: Clock) {
    this.store = store
    this.namespace = namespace
    this.watcher = watcher
    this.clock = clock
    this.#leaseMs = Math.max(5_000, store.capabilities.leaseMinMs)
  }

  /** A deadline that no healthy server misses. */
  get by(): number {
    return this.clock.now() + 5_000
  }

  /** A value's description; override what the case is about. */
  entry(overrides: Partial<NewEntry> = {}): NewEntry {
    return {
      id: this.clock.token(),
      payload: Buffer.from('value'),
      codec: 1,
      flags: 0,
      ttlMs: 30_000,
      keepMs: 60_000,
      loadMs: 7,
      namespaceToken: '\0\0\0\0\0\0\0\0',
      tags: [],
      ...overrides,
    }
  }

  async readMany(keys: readonly string[], tags: readonly string[] = []): Promise<readonly FoundEntry[]> {
    return await Promise.all(keys.map(async (key) => (await this.ask(new AwaitedRead(key, { tags }))).found))
  }

  async read(key: string): Promise<FoundEntry> {
    return (await this.ask(new AwaitedRead(key))).found
  }

  /** Sends a read with a deadline that no healthy server misses. */
  ask(read: AwaitedRead, by: number = this.by): AwaitedRead['reply'] {
    this.namespace.read(read, by)
    return read.reply
  }

  /** The entry of a key that must be there and be readable. */
  async readStored(key: string): Promise<StoredEntry> {
    return stored(await this.read(key))
  }

  async readText(key: string): Promise<string | undefined> {
    const entry = await this.read(key)
    return entry === undefined ? undefined : textOf(entry)
  }

  /** Those that the entry of KEY is held against. */
  tokens(...tags: string[]): Promise<Tokens> {
    return this.namespace.tokens(KEY, tags, undefined, this.by)
  }

  acquire(key: string, options: AcquireOptions = {}): Promise<Acquired> {
    return this.namespace.acquire(
      {
        key,
        token: options.token ?? this.clock.token(),
        leaseMs: options.leaseMs ?? this.#leaseMs,
        seen: options.seen,
        tags: options.tags ?? [],
        tagLifeMs: TAG_LIFE_MS,
      },
      this.by,
    )
  }

  /** Acquires a lease that must be won. */
  async win(key: string, options: AcquireOptions = {}): Promise<Load> {
    const token = options.token ?? this.clock.token()
    const acquired = await this.acquire(key, { ...options, token })
    equal(acquired.state, 'won')
    return { key, token, tokens: acquired.tokens }
  }

  /** Fills with what the load captured: its namespace token and its tags. */
  fill(load: Load, text: string, overrides: Partial<NewEntry> = {}): Promise<Filled> {
    const entry = this.entry({
      payload: Buffer.from(text),
      namespaceToken: load.tokens.namespace ?? '\0\0\0\0\0\0\0\0',
      tags: [...load.tokens.tags].map(([name, token]) => ({ name, token })),
      ...overrides,
    })
    return this.namespace.fill({ key: load.key, token: load.token, entry }, this.by)
  }

  /** Acquire, fill: the key holds `text`. */
  async load(
    key: string,
    text: string,
    tags: readonly string[] = [],
    overrides: Partial<NewEntry> = {},
  ): Promise<Load> {
    const held = await this.read(key)
    const load = await this.win(key, { tags, seen: held?.seen })
    deepEqual([...load.tokens.tags.keys()].sort(), [...tags].sort(), 'acquire captures every tag')
    equal((await this.fill(load, text, overrides)).stored, true)
    return load
  }

  put(key: string, text: string, options: PutOptions = {}): Promise<PutReply> {
    return this.namespace.put(this.putRequest(key, text, options), options.by ?? this.by)
  }

  putRequest(key: string, text: string, options: PutOptions = {}): PutRequest {
    const { namespaceToken: _namespaceToken, tags: _tags, ...entry } = this.entry(options.entry)
    return {
      key,
      entry: { ...entry, payload: Buffer.from(text) },
      tags: options.tags ?? [],
      tagLifeMs: TAG_LIFE_MS,
    }
  }

  /** Whether an entry would be used by a reader who holds the tokens of now. */
  async isValid(entry: StoredEntry, key: string = KEY): Promise<boolean> {
    const tags = entry.tags.map((tag) => tag.name)
    const now = await this.namespace.tokens(key, tags, undefined, this.by)
    return (
      now.namespace === entry.namespaceToken &&
      entry.tags.every((tag) => now.tags.get(tag.name)?.slice(0, 8) === tag.token.slice(0, 8))
    )
  }
}

export interface PutOptions {
  readonly tags?: readonly string[]
  readonly entry?: Partial<NewEntry>
  readonly by?: number
}

export function stored(entry: FoundEntry): StoredEntry {
  ok(entry !== undefined, 'an entry is there')
  ok(entry.readable, 'the entry is readable')
  return entry
}

export function textOf(entry: FoundEntry): string {
  return Buffer.from(stored(entry).payload).toString()
}
