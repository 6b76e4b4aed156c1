import type { Clock } from 'holdfast/contracts'
import type { RingItems } from './ring-items.ts'
import type { Sealing } from './ring-membership.ts'
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

/**
 * Seals rings that are not to be used any more: overwrites their namespace token on each of their servers. A server that
 * cannot be reached is owed it, as long as its connection is kept. Servers that only a record names are left alone:
 * whoever can write into a cache must not have us connect to where he likes.
 */
export class RingSealer {
  readonly #pool: SealerPool
  /** Under way, by address and epoch: whoever asks for the same waits for the same. */
  readonly #sealing = new Map<string, Promise<boolean>>()
  #isOver = false

  constructor(pool: SealerPool) {
    this.#pool = pool
  }

  /** Seals a ring on all of its servers that we know, and on the one that told of it, which it may know by another name. */
  seal({ epoch, servers }: RingRecord, toldBy: RingItems): Sealing {
    const { clock, timeoutMs } = this.#pool
    const here = toldBy.seal(epoch, clock.now() + timeoutMs)
    const known = Promise.all(servers.map((address) => this.#sealOn(address, epoch)))
    const everywhere = known.then((sealed) => sealed.every((isSealed) => isSealed))
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = clock.after(timeoutMs, resolve)
    // Where it told of the ring and is not sealed, it is asked again by and by.
    const soon = Promise.all([here, Promise.race([everywhere, late])]).then(() => timer.cancel())
    return { soon, everywhere }
  }

  /** Nobody is owed a seal any more: the ring that came with it is left. */
  end(): void {
    this.#isOver = true
  }

  #sealOn(address: string, epoch: string): Promise<boolean> {
    const name = `${address} ${epoch}`
    const known = this.#sealing.get(name)
    if (known !== undefined) return known
    const sealing = this.#tryOn(address, epoch).finally(() => this.#sealing.delete(name))
    this.#sealing.set(name, sealing)
    return sealing
  }

  /** Until it is done (true), or not to be done by us. */
  async #tryOn(address: string, epoch: string): Promise<boolean> {
    const { clock, timeoutMs } = this.#pool
    for (let retryMs = RETRY_MS_MIN; !this.#isOver; retryMs = Math.min(RETRY_MS_MAX, retryMs * 2)) {
      const items = this.#pool.itemsOn(address)
      if (items === undefined) return false
      try {
        await items.seal(epoch, clock.now() + timeoutMs)
        return true
      } catch {
        await new Promise<void>((resolve) => void clock.after(retryMs, resolve))
      }
    }
    return false
  }
}
