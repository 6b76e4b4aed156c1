import { expirySeconds } from '../client/expiry-seconds.ts'
import { mg, ms } from '../client/meta-command.ts'
import { givingBack } from './give-back.ts'
import type { Place } from './place.ts'

// Keys of which it is known since when somebody loads over their value: 100 bytes each.
const WAITS_MAX = 10_000
// So long beyond its lease a winner may be late with a sign of life.
const PATIENCE_MS = 1000

interface Wait {
  readonly cas: string
  readonly sinceMs: number
}

/**
 * A lease on nothing expires with its stub. One on a value does not: the server tells everybody but its winner to wait,
 * for as long as the value lives. The winner therefore signs (w), with each renewal; where a waiter has found the same
 * lease for longer than a lease lasts, and no signature, the winner is dead.
 */
export class SignsOfLife {
  readonly #place: Place
  readonly #waits = new Map<string, Wait>()

  constructor(place: Place) {
    this.#place = place
  }

  /** Signs; whether the lease is still held. */
  async sign(key: string, cas: string, leaseMs: number, by: number): Promise<boolean> {
    const { client, names } = this.#place
    const [, held] = await client.sendAll(
      [ms(names.of('w', key), cas, `T${expirySeconds(leaseMs, 0)}`), mg(names.of('v', key), 'c')],
      { by },
    )
    // Whoever offered it to others meanwhile has offered it to us just now.
    if (held?.won && held.cas !== undefined)
      await client.send(givingBack(this.#place, { key, cas: held.cas, on: 'value' }), { by })
    return held?.cas === cas
  }

  /** Whether the winner of this lease is dead; asked by one who finds it. One trip where it is to be feared, else none. */
  async isDead(key: string, cas: string, leaseMs: number, by: number): Promise<boolean> {
    const { client, clock, names } = this.#place
    const wait = this.#waits.get(key)
    if (wait?.cas !== cas) {
      this.forget(key)
      for (const oldest of this.#waits.keys()) {
        if (this.#waits.size < WAITS_MAX) break
        this.#waits.delete(oldest)
      }
      this.#waits.set(key, { cas, sinceMs: clock.now() })
      return false
    }
    if (clock.now() - wait.sinceMs <= leaseMs + PATIENCE_MS) return false
    const { value } = await client.send(mg(names.of('w', key), 'v'), { by })
    return value?.toString('latin1') !== cas
  }

  /** The lease of this key is won by this process: what it waited for is over. */
  forget(key: string): void {
    this.#waits.delete(key)
  }
}
