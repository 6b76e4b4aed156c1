import { CacheError } from 'holdfast/contracts'
import type { RingItems, RingLook } from './ring-items.ts'
import { isMarkOf, type RingState, ringMark } from './ring-mark.ts'
import { decodeRecord, encodeRecord, outranks, type RingRecord } from './ring-record.ts'

// A record outlives this long those who use its ring; whoever was refused because of it is let in then.
const RECORD_LIFE_MS = 60_000
// How often others may have come between a look and a write, before we come again later.
const ROUNDS_MAX = 4

/** How far a ring is when one of its servers is asked. */
export interface RingPhase {
  /** What this process knows of the ring: the records are to say no less, those of others only that it is in use. */
  readonly state: RingState
  /** Whether what was stored in it before is not to be read any more. */
  readonly renews: boolean
}

/** What was found on a server that admits the ring. */
export interface Admitted {
  /** What the server knows of our ring; 'entering' only where it is another process that waits. */
  readonly state: RingState
  /** Another ring was in use here since ours was: what ours had then, wherever, may be older than what was deleted. */
  readonly follows: boolean
  /** The end of the ring whose place ours took: told again with each later answer. */
  readonly sealing: Sealing | undefined
}

/** Another ring that was found on a server: kept, since the answer that tells of it may be lost behind it. */
interface Finding {
  readonly sealing: Sealing | undefined
  /** The token that was found then, which is to be removed. */
  readonly cas: string | undefined
  isRenewed: boolean
}

/** A ring on its way to be over. */
export interface Sealing {
  /** It is sealed wherever that could be done in time. Rejects where the server that told of it did not answer. */
  readonly soon: Promise<void>
  /** Whether it is sealed on every one of its servers: once it is, or once it is clear that we cannot. Never rejects. */
  readonly everywhere: Promise<boolean>
}

/** What a membership asks of its namespace. */
export interface MembershipOwner {
  /** The deadline of a call that begins now. */
  by(): number
  /** Ends the use of another ring on its servers, and on the one that told of it, by whatever name that is known. */
  seal(ring: RingRecord, toldBy: RingItems): Sealing
}

/**
 * What the servers say of the ring by which a namespace is kept. Processes learn of a new list at different moments, and
 * what one of them invalidates in its ring is not known in another: so only one is in use at a time. Each server
 * remembers which. A process that comes with a later one seals the one before, and then writes its own record in the place
 * of that one's; one that comes with an earlier one, or finds its own sealed, goes on without L2. When the ring as a whole
 * may be used, its gate says (RingGate).
 */
export class RingMembership {
  readonly #record: RingRecord
  readonly #owner: MembershipOwner
  /** Where this process has written the record: it knows by itself what it waits for. */
  readonly #written = new WeakSet<RingItems>()
  readonly #findings = new WeakMap<RingItems, Finding>()

  constructor(record: RingRecord, owner: MembershipOwner) {
    this.#record = record
    this.#owner = owner
  }

  /** How the ring stands on a server; undefined: another is in use. One trip, two or three for the first who comes. */
  async admit(items: RingItems, phase: RingPhase): Promise<Admitted | undefined> {
    const { epoch } = this.#record
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const look = await items.look(epoch, this.#owner.by())
      const { record, token } = look
      const found = record === undefined ? undefined : decodeRecord(record.text)
      const isOurs = found?.epoch === epoch
      if (isOurs ? this.#isRefused(items, token) : found !== undefined && !outranks(this.#record, found))
        return undefined
      const finding = this.#find(items, isOurs ? undefined : found, isOurs ? undefined : token)
      await finding?.sealing?.soon
      const said = isOurs ? record?.mark.state : undefined
      const state = this.#stateOf(items, phase, said ?? (finding === undefined ? 'clear' : 'entering'))
      if (state !== said && !(await this.#write(items, state, record?.cas))) continue
      // Not before the record is ours: others of this ring go on by it at once.
      await this.#renew(items, phase, finding, token?.cas)
      const isOwn = state === 'entering' && this.#written.has(items)
      return { state: isOwn ? 'clear' : state, follows: finding !== undefined, sealing: finding?.sealing }
    }
    throw new CacheError('l2_error', 'others write the record of a ring again and again', { tier: 'l2' })
  }

  /** Prolongs the record, so that the ring stays in use. False: it is another's, or gone, or sealed; ask `admit` again. */
  async prolong(items: RingItems, isInUse: boolean): Promise<boolean> {
    const { mark, isSealed } = await items.prolong(this.#record.epoch, RECORD_LIFE_MS, this.#owner.by())
    const isOurs = !isSealed && isMarkOf(mark, this.#record.epoch)
    return isOurs && (mark?.state === 'in-use' || !isInUse)
  }

  /**
   * Under our own record it is sealed by one who is about to write his, or who is gone: then ours is not prolonged, and
   * ends. But a seal from before our record we have not come to remove yet.
   */
  #isRefused(items: RingItems, token: RingLook['token']): boolean {
    return token?.isSealed === true && token.cas !== this.#findings.get(items)?.cas
  }

  /** What is known of another ring here, with what was found now. */
  #find(items: RingItems, found: RingRecord | undefined, token: RingLook['token']): Finding | undefined {
    if (found !== undefined || token?.isSealed === true) {
      const sealing = found === undefined ? undefined : this.#owner.seal(found, items)
      this.#findings.set(items, { sealing, cas: token?.cas, isRenewed: false })
    }
    return this.#findings.get(items)
  }

  #stateOf(items: RingItems, phase: RingPhase, said: RingState): RingState {
    if (phase.state === 'in-use') return 'in-use'
    return said === 'entering' && phase.state === 'clear' && this.#written.has(items) ? 'clear' : said
  }

  async #write(items: RingItems, state: RingState, cas: string | undefined): Promise<boolean> {
    const item = { text: encodeRecord(this.#record), mark: ringMark(this.#record.epoch, state) }
    const isWritten = await items.write(item, cas, RECORD_LIFE_MS, this.#owner.by())
    if (isWritten) this.#written.add(items)
    return isWritten
  }

  async #renew(
    items: RingItems,
    phase: RingPhase,
    finding: Finding | undefined,
    cas: string | undefined,
  ): Promise<void> {
    if (!phase.renews && finding?.isRenewed !== false) return
    if (cas !== undefined) await items.renew(this.#record.epoch, cas, this.#owner.by())
    if (finding !== undefined) finding.isRenewed = true
  }
}
