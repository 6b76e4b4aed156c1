import type { Clock } from 'holdfast/contracts'
import type { RingItems } from './ring-items.ts'
import type { RingRecord } from './ring-record.ts'

/** What a sealer needs of its pool. */
export interface SealerPool {
  readonly clock: Clock
  readonly timeoutMs: number
  /** The ring's items on a server by its host and port; undefined: this process knows no such server. */
  itemsOn(address: string): RingItems | undefined
}

// Between attempts to seal a server that does not answer.
const RETRY_MS_MIN = 50
const RETRY_MS_MAX = 5_000
// Rings that one namespace has sealed and remembers.
const RINGS_MAX = 64

/**
 * Seals rings that are not to be used any more: overwrites their namespace token on each of their servers. A server that
 * cannot be reached is owed it, as long as its connection is kept. Servers that only a record names are left alone:
 * whoever can write into a cache must not have us connect to where he likes.
 */
export class RingSealer {
  readonly #pool: SealerPool
  readonly #sealed = new Map<string, Promise<void>>()
  #isOver = false

  constructor(pool: SealerPool) {
    this.#pool = pool
  }

  /** Resolves when every server of the ring that we know is sealed, or has not answered in time. Never rejects. */
  seal({ epoch, servers }: RingRecord): Promise<void> {
    const known = this.#sealed.get(epoch)
    if (known !== undefined) return known
    const sealing = Promise.all(servers.map((address) => this.#sealOn(address, epoch, RETRY_MS_MIN)))
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = this.#pool.clock.after(this.#pool.timeoutMs, resolve)
    const done = Promise.race([sealing, late]).then(() => timer.cancel())
    if (this.#sealed.size < RINGS_MAX) this.#sealed.set(epoch, done)
    return done
  }

  end(): void {
    this.#isOver = true
  }

  async #sealOn(address: string, epoch: string, retryMs: number): Promise<void> {
    const items = this.#pool.itemsOn(address)
    if (items === undefined || this.#isOver) return
    try {
      await items.seal(epoch, this.#pool.clock.now() + this.#pool.timeoutMs)
    } catch {
      await new Promise<void>((resolve) => void this.#pool.clock.after(retryMs, resolve))
      await this.#sealOn(address, epoch, Math.min(RETRY_MS_MAX, retryMs * 2))
    }
  }
}
