import type {
  NamespaceStore,
  Store,
  StoreCapabilities,
  StoreDefinition,
  StoreEnvironment,
  StoreFacts,
  StoreWatcher,
} from 'holdfast/contracts'
import { MemoryLink } from './memory-store/memory-link.ts'
import { MemoryNamespace } from './memory-store/memory-namespace.ts'
import { MemoryServer } from './memory-store/memory-server.ts'
import type { MemoryConnection } from './memory-store/model.ts'

/** A store of the in-memory model, with the controls of its connection. */
export interface MemoryStore extends Store {
  readonly connection: MemoryConnection
}

/** Opens in-memory stores; each `open` is one more connection, as one more process would make. */
export interface MemoryStoreDefinition extends StoreDefinition {
  readonly server: MemoryServer
  open(environment: StoreEnvironment): MemoryStore
}

const CAPABILITIES: StoreCapabilities = { push: true, leaseMinMs: 1, lacks: {} }

/**
 * The L2 contract in memory, exactly as the protocol has it (docs/wire/protocol.md), with pushes in wire order
 * and faults on demand. For tests and simulations: it is not durable and keeps what it is given.
 */
export function memoryStore(server: MemoryServer = new MemoryServer()): MemoryStoreDefinition {
  return { server, open: (environment) => new OpenMemoryStore(server, environment) }
}

class OpenMemoryStore implements MemoryStore {
  readonly capabilities = CAPABILITIES
  readonly address = 'memory'
  readonly #server: MemoryServer
  readonly #environment: StoreEnvironment
  readonly #link: MemoryLink

  constructor(server: MemoryServer, environment: StoreEnvironment) {
    this.#server = server
    this.#environment = environment
    this.#link = new MemoryLink(server, environment)
  }

  get online(): boolean {
    return this.#link.online
  }

  get connection(): MemoryConnection {
    return this.#link
  }

  namespace(name: string, watcher: StoreWatcher): NamespaceStore {
    const unwatch = this.#link.watch(name, watcher)
    return new MemoryNamespace(this.#server, this.#link, this.#environment.clock, name, unwatch)
  }

  barrier(by: number): Promise<void> {
    const sentAtMs = this.#environment.clock.now()
    const finish = (): void => this.#link.verified(sentAtMs)
    return this.#link.send({ operation: 'barrier', run: () => undefined, finish }, by)
  }

  inspect(by: number): Promise<StoreFacts> {
    const run = (): StoreFacts => this.#server.facts()
    return this.#link.send({ operation: 'inspect', run, finish: (facts) => facts }, by)
  }

  async close(): Promise<void> {
    this.#link.close()
  }
}
