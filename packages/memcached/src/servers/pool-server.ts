import { Breaker, type StoreEnvironment } from 'holdfast/contracts'
import type { Island } from './island.ts'
import type { ListedServer } from './placement.ts'

/** One server of a pool: its island, and whether it answers in time. */
export class PoolServer {
  readonly listed: ListedServer
  readonly island: Island
  readonly #breaker: Breaker
  readonly #listeners = new Set<() => void>()

  constructor(listed: ListedServer, island: Island, environment: StoreEnvironment) {
    const { clock, l2TimeoutMs, log } = environment
    this.listed = listed
    this.island = island
    this.#breaker = new Breaker({
      clock,
      l2TimeoutMs,
      probe: () => island.barrier(clock.now() + l2TimeoutMs),
      opened: (failures, calls) => {
        const text = `${failures} of the last ${calls} calls found it away or too late`
        log('warn', `L2 ${island.address}: ${text}; its keys go on without it until it answers`)
        this.#tell()
      },
      closed: () => {
        log('info', `L2 ${island.address}: answers again`)
        this.#tell()
      },
    })
  }

  /** Whether it is worth asking: a server that is silent is probed, not waited for. */
  get answers(): boolean {
    return !this.#breaker.isOpen
  }

  /** `listener` hears when `answers` changes; the function returned ends that. Bounded by the namespaces of a cache. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  succeeded(): void {
    this.#breaker.succeeded()
  }

  failed(error: unknown, by: number, givenMs: number): void {
    this.#breaker.failed(error, by, givenMs)
  }

  /** Newly connected: what was counted is of no use. */
  renewed(): void {
    this.#breaker.reset()
  }

  async close(): Promise<void> {
    this.#breaker.close()
    await this.island.close()
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}
