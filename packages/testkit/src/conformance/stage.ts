import { fail } from 'node:assert/strict'
import { CacheError, type Clock, type Store, type StoreEnvironment, systemClock } from 'holdfast/contracts'
import { Client } from './client.ts'
import type { EvictedKind, StoreHarness } from './harness.ts'
import { RecordingWatcher } from './recording-watcher.ts'

const PATIENCE_MS = 1000
const HEARTBEAT_MS = 20
const L2_TIMEOUT_MS = 250
const ATTEMPTS_MAX = 10
const VALUE_BYTES_MAX = 4 * 1024 * 1024

export interface OpenOptions {
  /** Default: a namespace of this case alone. */
  readonly namespace?: string
  /** Which pushes are wanted. Default: all. */
  readonly tracking?: StoreEnvironment['tracking']
}

/** What one case works with: clients on one server, closed when the case is over. */
export class Stage {
  /** A namespace that no other case uses. */
  readonly namespace: string
  readonly clock: Clock
  readonly #harness: StoreHarness
  readonly #stores: Store[] = []

  constructor(harness: StoreHarness) {
    this.#harness = harness
    this.clock = harness.clock ?? systemClock
    this.namespace = `conformance-${Buffer.from(this.clock.token(), 'latin1').toString('hex')}`
  }

  /** One more process on the server, connected. */
  async open(options: OpenOptions = {}): Promise<Client> {
    const store = this.#harness.definition.open(this.#environment(options.tracking ?? 'values'))
    this.#stores.push(store)
    return this.openOn(store, options.namespace)
  }

  /** One more namespace on a store that is open already. */
  async openOn(store: Store, namespace: string = this.namespace): Promise<Client> {
    const watcher = new RecordingWatcher()
    const client = new Client(store, store.namespace(namespace, watcher), watcher, this.clock)
    await this.until(() => watcher.has('connected'), 'watcher.connected')
    watcher.forget()
    return client
  }

  async close(): Promise<void> {
    for (const store of this.#stores) await store.close()
  }

  async pass(ms: number): Promise<void> {
    if (this.#harness.pass !== undefined) await this.#harness.pass(ms)
    else await new Promise<void>((resolve) => void this.clock.after(ms, resolve))
  }

  /** Waits for a condition; fails by name when it does not come. */
  async until(isSo: () => boolean, expected: string): Promise<void> {
    const endMs = this.clock.now() + (this.#harness.patienceMs ?? PATIENCE_MS)
    while (!isSo()) {
      if (this.clock.now() >= endMs) fail(`expected ${expected}`)
      await this.pass(1)
    }
  }

  /** Waits until the client was told `event`. */
  async told(client: Client, event: string): Promise<void> {
    await this.until(() => client.watcher.has(event), `the watcher to be told '${event}'`)
  }

  /** Waits until the part that keeps a key is used (again), where the store has parts. */
  async used(client: Client, key: string): Promise<void> {
    const endMs = this.clock.now() + (this.#harness.patienceMs ?? PATIENCE_MS)
    for (;;) {
      try {
        await client.read(key)
        return
      } catch (error) {
        if (!(error instanceof CacheError) || error.code !== 'l2_part_away') throw error
      }
      if (this.clock.now() >= endMs) fail(`expected the part of ${key} to be used`)
      await this.pass(5)
    }
  }

  /**
   * Runs an attempt whose meaning depends on being done within `limitMs`; one that took longer, on a machine that
   * was busy, says nothing and is repeated with the next number.
   */
  async swiftly(limitMs: number, attempt: (number: number) => Promise<void>): Promise<void> {
    for (let number = 0; number < ATTEMPTS_MAX; number++) {
      const startMs = this.clock.now()
      const [outcome] = await Promise.allSettled([attempt(number)])
      if (this.clock.now() - startMs >= limitMs) continue
      if (outcome.status === 'rejected') throw outcome.reason
      return
    }
    fail(`${ATTEMPTS_MAX} attempts took longer than ${limitMs} ms each`)
  }

  evict(kind: EvictedKind, name = '', namespace: string = this.namespace): Promise<void> {
    return required(this.#harness.evict?.({ kind, namespace, name }))
  }

  plant(key: string, bytes: Uint8Array): Promise<void> {
    return required(this.#harness.plant?.(this.namespace, key, bytes))
  }

  flush(): Promise<void> {
    return required(this.#harness.flush?.())
  }

  cut(): Promise<void> {
    return required(this.#harness.cut?.())
  }

  restart(): Promise<void> {
    return required(this.#harness.restart?.())
  }

  /** Runs `during` while the server does not answer, and lets it go on whatever happens. */
  async whileStalled(during: () => Promise<void>): Promise<void> {
    await required(this.#harness.stall?.())
    try {
      await during()
    } finally {
      await required(this.#harness.resume?.())
    }
  }

  /** Runs `during` while every client is cut off from the part that an operation of this client on `key` goes to. */
  async whilePartIsLost(client: Client, key: string, during: () => Promise<void>): Promise<void> {
    await required(this.#harness.losePart?.(client.namespace.part?.(key) ?? 0))
    try {
      await during()
    } finally {
      await required(this.#harness.regainParts?.())
    }
  }

  /** Runs `during` while the server's memory is full. */
  async whileFull(during: () => Promise<unknown>): Promise<void> {
    await required(this.#harness.setFull?.(true))
    try {
      await during()
    } finally {
      await required(this.#harness.setFull?.(false))
    }
  }

  #environment(tracking: StoreEnvironment['tracking']): StoreEnvironment {
    return {
      clock: this.clock,
      cacheName: this.namespace,
      tracking,
      heartbeatMs: HEARTBEAT_MS,
      l2TimeoutMs: L2_TIMEOUT_MS,
      maxValueBytes: VALUE_BYTES_MAX,
      log: () => {},
    }
  }
}

function required(step: Promise<void> | undefined): Promise<void> {
  return step ?? fail('the case uses a means that it did not name in its needs')
}
