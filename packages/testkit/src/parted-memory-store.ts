import {
  CacheError,
  type NamespaceStore,
  type Store,
  type StoreDefinition,
  type StoreEnvironment,
  type StoreFacts,
  type StoreWatcher,
} from 'holdfast/contracts'
import type { MemoryServer } from './memory-store/memory-server.ts'
import { type PartRules, partRules } from './memory-store/part.ts'
import { PartedNamespace } from './memory-store/parted-namespace.ts'
import { type MemoryStore, memoryStore } from './memory-store.ts'

/** Opens stores of several parts; of one that is open, `parts` has the connections. */
export interface PartedMemoryStoreDefinition extends StoreDefinition {
  /** The part that keeps a key: all who share the servers must agree. */
  partOf(key: string): number
  open(environment: StoreEnvironment): PartedMemoryStore
}

export interface PartedMemoryStore extends Store {
  readonly parts: readonly MemoryStore[]
}

/**
 * The L2 contract in memory over several servers, as plainly as it can be said: each keeps the keys of its own, whole,
 * and what cannot be told to one is owed to it. `rules`: for checks that switch one off.
 */
export function partedMemoryStore(
  servers: readonly MemoryServer[],
  rules: Partial<PartRules> = {},
): PartedMemoryStoreDefinition {
  const partOf = (key: string): number => {
    let sum = 0
    for (let i = 0; i < key.length; i++) sum += key.charCodeAt(i)
    return sum % servers.length
  }
  return {
    partOf,
    open: (environment) => {
      const parts = servers.map((server) => memoryStore(server).open(environment))
      return new OpenPartedStore(parts, environment, partOf, { ...partRules, ...rules })
    },
  }
}

class OpenPartedStore implements PartedMemoryStore {
  readonly capabilities = { push: false, leaseMinMs: 1, lacks: { push: 'this model has none' } }
  readonly address = 'memory in parts'
  readonly parts: readonly MemoryStore[]
  readonly #environment: StoreEnvironment
  readonly #partOf: (key: string) => number
  readonly #rules: PartRules
  readonly #opened: PartedNamespace[] = []

  constructor(
    parts: readonly MemoryStore[],
    environment: StoreEnvironment,
    partOf: (key: string) => number,
    rules: PartRules,
  ) {
    this.parts = parts
    this.#environment = environment
    this.#partOf = partOf
    this.#rules = rules
  }

  get online(): boolean {
    return this.parts.some(({ online }) => online)
  }

  namespace(name: string, watcher: StoreWatcher): NamespaceStore {
    const { clock } = this.#environment
    const opened = new PartedNamespace(this.parts, name, watcher, {
      clock,
      partOf: this.#partOf,
      rules: this.#rules,
    })
    this.#opened.push(opened)
    return opened
  }

  async barrier(by: number): Promise<void> {
    await Promise.all(this.#online().map((part) => part.barrier(by)))
  }

  async inspect(by: number): Promise<StoreFacts> {
    const [first] = await Promise.all(this.#online().map((part) => part.inspect(by)))
    if (first === undefined) throw nobody()
    return first
  }

  async close(): Promise<void> {
    for (const opened of this.#opened) opened.close()
    for (const part of this.parts) await part.close()
  }

  #online(): readonly MemoryStore[] {
    const online = this.parts.filter((part) => part.online)
    if (online.length === 0) throw nobody()
    return online
  }
}

function nobody(): CacheError {
  return new CacheError('l2_unavailable', 'no part is connected', { tier: 'l2', retryable: true })
}
