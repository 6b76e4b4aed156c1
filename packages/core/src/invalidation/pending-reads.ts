/** A read (or fill) of one key that is under way and may end in L1, unless a push kills it first. */
export interface PendingRead {
  readonly key: string
  alive: boolean
}

/**
 * Rule P: a pending read is registered before its request is sent, a push kills it, and only a living one may be put
 * into L1. Without it a push that shares a chunk with the reply is handled before the reply's `await` continues, and
 * the old value stays for its whole life. Bounded by the reads in flight.
 */
export class PendingReads {
  readonly #byKey = new Map<string, PendingRead | PendingRead[]>()

  open(key: string): PendingRead {
    const pending: PendingRead = { key, alive: true }
    this.add(pending)
    return pending
  }

  add(pending: PendingRead): void {
    const others = this.#byKey.get(pending.key)
    if (others === undefined) this.#byKey.set(pending.key, pending)
    else if (Array.isArray(others)) others.push(pending)
    else this.#byKey.set(pending.key, [others, pending])
  }

  close(pending: PendingRead): void {
    const known = this.#byKey.get(pending.key)
    if (known === pending) this.#byKey.delete(pending.key)
    else if (Array.isArray(known)) {
      const at = known.indexOf(pending)
      if (at >= 0) known.splice(at, 1)
      if (known.length === 0) this.#byKey.delete(pending.key)
    }
  }

  /** The one that was registered last for this key. */
  newest(key: string): PendingRead | undefined {
    const known = this.#byKey.get(key)
    return Array.isArray(known) ? known.at(-1) : known
  }

  kill(key: string): void {
    const known = this.#byKey.get(key)
    if (known === undefined) return
    if (Array.isArray(known)) for (const pending of known) pending.alive = false
    else known.alive = false
  }

  /** A write of this process is stored: what reads before it found is old, and no push will say so. */
  killOthers(mine: PendingRead): void {
    const { alive } = mine
    this.kill(mine.key)
    mine.alive = alive
  }

  killAll(): void {
    for (const key of this.#byKey.keys()) this.kill(key)
  }
}
