import type { Clock, Timer } from 'holdfast/contracts'
import type { FoundToken } from './token-items.ts'
import type { WonLease } from './won-lease.ts'

/** A lease that a read has won, and what the read learned: `acquire` needs no trip then. */
export interface HeldLease extends WonLease {
  /** The id of the value that it is to replace. */
  readonly seen: string | undefined
  /** Of the namespace and the epoch. */
  readonly own: readonly FoundToken[]
  readonly tags: ReadonlyMap<string, FoundToken>
  readonly atMs: number
}

/** What a read found of the namespace, the epoch and these tags; undefined: it did not ask for all of them. */
export function tokensOf(lease: HeldLease, tags: readonly string[]): readonly FoundToken[] | undefined {
  const found = tags.flatMap((tag) => lease.tags.get(tag) ?? [])
  return found.length === tags.length ? [...lease.own, ...found] : undefined
}

// Whoever reads with the intent to load asks for the lease in the same turn. One that is not asked for is in the way.
const HOLD_MS = 100
// More reads than this at once, none of which goes on to load, would be a mistake: each is 200 bytes.
const HELD_MAX = 10_000

/** Leases that reads have won and nobody has claimed. Each is claimed, or given back after 100 ms. */
export class HeldLeases {
  readonly #clock: Clock
  readonly #giveBack: (lease: HeldLease) => void
  readonly #held = new Map<string, HeldLease>()
  #sweeping: Timer | undefined

  constructor(clock: Clock, giveBack: (lease: HeldLease) => void) {
    this.#clock = clock
    this.#giveBack = giveBack
  }

  /** Keeps the lease of one key: what the read of a key finds last counts. */
  hold(lease: Omit<HeldLease, 'atMs'>): void {
    this.drop(lease.key)
    for (const oldest of this.#held.values()) {
      if (this.#held.size < HELD_MAX) break
      this.#release(oldest)
    }
    this.#held.set(lease.key, { ...lease, atMs: this.#clock.now() })
    this.#sweeping ??= this.#clock.after(HOLD_MS, () => this.#sweep())
  }

  /** Hands over the lease of a key, if it is one on the value that was seen; another one is given back. */
  claim(key: string, seen: string | undefined): HeldLease | undefined {
    const lease = this.#held.get(key)
    if (lease === undefined) return undefined
    if (lease.seen !== seen) {
      this.#release(lease)
      return undefined
    }
    this.#held.delete(key)
    return lease
  }

  /** This process has voided the lease of a key. */
  drop(key: string): void {
    this.#held.delete(key)
  }

  /** The connection is gone, and every lease with it. */
  dropAll(): void {
    for (const lease of this.#held.values()) this.#giveBack(lease)
    this.#held.clear()
    this.#sweeping?.cancel()
    this.#sweeping = undefined
  }

  #release(lease: HeldLease): void {
    this.#held.delete(lease.key)
    this.#giveBack(lease)
  }

  /** They lie in the order in which they were won. */
  #sweep(): void {
    this.#sweeping = undefined
    const now = this.#clock.now()
    for (const lease of this.#held.values()) {
      const leftMs = lease.atMs + HOLD_MS - now
      if (leftMs > 0) {
        this.#sweeping = this.#clock.after(leftMs, () => this.#sweep())
        return
      }
      this.#release(lease)
    }
  }
}
