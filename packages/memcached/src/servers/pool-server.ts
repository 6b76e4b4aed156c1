import { Breaker, type StoreEnvironment } from 'holdfast/contracts'
import type { Island } from './island.ts'
import type { ListedServer } from './placement.ts'

/** One server of a pool: its island, and whether it answers in time. */
export class PoolServer {
  readonly listed: ListedServer
  readonly island: Island
  readonly #breaker: Breaker
  readonly #log: StoreEnvironment['log']
  readonly #listeners = new Set<() => void>()
  /** A line has said so. */
  #isSilent = false

  constructor(listed: ListedServer, island: Island, environment: StoreEnvironment) {
    const { clock, l2TimeoutMs, log } = environment
    this.listed = listed
    this.island = island
    this.#log = log
    this.#breaker = new Breaker({
      clock,
      l2TimeoutMs,
      probe: () => island.barrier(clock.now() + l2TimeoutMs),
      opened: (failures, calls) => {
        const text = `${failures} of the last ${calls} calls found it away or too late`
        log('warn', `L2 ${island.address}: ${text}; its keys go on without it until it answers`)
        this.#isSilent = true
        this.#tell()
      },
      closed: () => this.#tell(),
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

  /** Its keys are read and filled: said where a line has said that they are not. */
  used(): void {
    const wasAway = this.island.takeAbsence()
    if (wasAway || this.#isSilent) this.#log('info', `L2 ${this.island.address}: answers again`)
    this.#isSilent = false
  }

  async close(): Promise<void> {
    this.#breaker.close()
    await this.island.close()
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}
