import type { RingItems } from './ring-items.ts'
import { decodeRecord, encodeRecord, outranks, type RingRecord } from './ring-record.ts'

// A record outlives this long those who use its ring; whoever was refused because of it is let in then.
const RECORD_LIFE_MS = 60_000
// How often others may have come between a look and a write, before we come again later.
const ROUNDS_MAX = 4

/** What a membership asks of its namespace. */
export interface MembershipOwner {
  /** The deadline of a call that begins now. */
  by(): number
  /** Ends the use of another ring, whose record was found here. Rejects where it cannot be ended here. */
  seal(ring: RingRecord, here: RingItems): Promise<void>
}

/**
 * By which of several rings a namespace is kept. Processes learn of a new list at different moments, and what one of
 * them invalidates in its ring is not known in another: so only one is in use at a time. Each server remembers which. A
 * process that comes with a later one seals the one before on all of its servers that can be reached, before it uses its
 * own; one that comes with an earlier one, or finds its own sealed, goes on without L2.
 */
export class RingMembership {
  readonly #record: RingRecord
  readonly #owner: MembershipOwner

  constructor(record: RingRecord, owner: MembershipOwner) {
    this.#record = record
    this.#owner = owner
  }

  /** Whether the ring may be used on a server that was just connected. One trip, two for the first who comes. */
  async admit(items: RingItems): Promise<boolean> {
    const { epoch } = this.#record
    const text = encodeRecord(this.#record)
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const { record, isSealed } = await items.look(epoch, this.#owner.by())
      const found = record === undefined ? undefined : decodeRecord(record.text)
      // Sealed by one who is about to write his record, or who is gone: then ours is not prolonged, and ends.
      if (found?.epoch === epoch) return !isSealed
      if (found !== undefined && !outranks(this.#record, found)) return false
      if (found !== undefined) await this.#owner.seal(found, items)
      if (!(await items.write(text, record?.cas, RECORD_LIFE_MS, this.#owner.by()))) continue
      // Not before it is ours: others of this ring go on by it at once.
      if (isSealed) await items.unseal(epoch, this.#owner.by())
      return true
    }
    return false
  }

  /** Prolongs the record, so that the ring stays in use. False: it is another's by now, or gone; ask `admit` again. */
  async prolong(items: RingItems): Promise<boolean> {
    const text = await items.prolong(RECORD_LIFE_MS, this.#owner.by())
    return text !== undefined && decodeRecord(text)?.epoch === this.#record.epoch
  }
}
