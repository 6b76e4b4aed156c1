import type { Clock, Timer } from 'holdfast/contracts'
import type { RingGate } from './ring-gate.ts'
import type { RingItems } from './ring-items.ts'
import type { Admitted, RingMembership } from './ring-membership.ts'

// Between attempts, where a server that is connected does not answer.
const RETRY_MS_MIN = 50
const RETRY_MS_MAX = 2_000
// Between questions whether the ring is in use yet that another process is about to open: mostly it is, a trip later.
const ENTERING_MS_MIN = 10
const ENTERING_MS_MAX = 400

/** What a server says of itself when it is connected. */
export interface ServerWords {
  readonly server: string
  readonly version: string
}

/** What is told of an admission. */
export interface AdmissionEvents {
  /** The server knows of our ring on this connection. */
  admitted(words: ServerWords): void
  /** Each time that it was asked and knew our ring to be the one in use: it has not heard of another until `askedAtMs`. */
  confirmed(askedAtMs: number): void
  /** Another ring is in use. */
  displaced(): void
}

/** By what a ring is admitted. */
export interface AdmissionRing {
  readonly membership: RingMembership
  readonly gate: RingGate
  readonly clock: Clock
  /** Between two looks at the record at most. */
  readonly looksEveryMs: number
}

/** Whether a server admits a ring: asked on each new connection, and again and again while it lasts. */
export class RingAdmission {
  readonly #ring: AdmissionRing
  readonly #items: RingItems
  readonly #events: AdmissionEvents
  /** undefined: it is not connected. */
  #words: ServerWords | undefined
  /** Counts the connections that came and went: what was begun on one says nothing of the next. */
  #connection = 0
  #isAsking = false
  /** The ring has come further while the server was being asked. */
  #isAskedAgain = false
  #timer: Timer | undefined
  /** The record says that the ring is in use. */
  #isMarked = false
  #enteringMs = ENTERING_MS_MIN / 2

  constructor(ring: AdmissionRing, items: RingItems, events: AdmissionEvents) {
    this.#ring = ring
    this.#items = items
    this.#events = events
  }

  connected(words: ServerWords): void {
    this.lost()
    this.#words = words
    this.askAgain()
  }

  /** The connection is gone, or of no more use. */
  lost(): void {
    this.#words = undefined
    this.#isAsking = false
    this.#connection++
    this.#timer?.cancel()
  }

  /** The ring is in use from here on: the record is to say so. */
  opened(): void {
    if (!this.#isMarked) this.askAgain()
  }

  /** The ring is further than it was when the server was asked. */
  askAgain(): void {
    this.#timer?.cancel()
    if (this.#isAsking) this.#isAskedAgain = true
    else if (this.#words !== undefined) void this.#ask(this.#words, RETRY_MS_MIN)
  }

  async #ask(words: ServerWords, retryMs: number): Promise<void> {
    const { membership, gate, clock } = this.#ring
    const connection = this.#connection
    const askedAtMs = clock.now()
    this.#isAsking = true
    this.#isAskedAgain = false
    const answer = await membership.admit(this.#items, gate.phaseOf(this)).catch(() => 'unanswered' as const)
    if (connection !== this.#connection) return
    this.#isAsking = false
    if (answer === undefined) this.#events.displaced()
    // What it told of another ring, it tells again.
    else if (this.#isAskedAgain) this.askAgain()
    else if (answer === 'unanswered') this.#askIn(retryMs, words, Math.min(RETRY_MS_MAX, retryMs * 2))
    else this.#admitted(words, answer, askedAtMs)
  }

  #admitted(words: ServerWords, answer: Admitted, askedAtMs: number): void {
    this.#isMarked = answer.state === 'in-use'
    if (answer.state === 'entering') this.#askWhetherInUse(words)
    else this.#prolongLater(words)
    this.#events.admitted(words)
    this.#events.confirmed(askedAtMs)
    this.#ring.gate.admitted(this, answer)
  }

  #askIn(ms: number, words: ServerWords, retryMs: number): void {
    this.#timer = this.#ring.clock.after(ms, () => void this.#ask(words, retryMs))
  }

  #askWhetherInUse(words: ServerWords): void {
    this.#enteringMs = Math.min(ENTERING_MS_MAX, this.#enteringMs * 2)
    this.#askIn(this.#enteringMs, words, RETRY_MS_MIN)
  }

  #prolongLater(words: ServerWords): void {
    const { clock, looksEveryMs } = this.#ring
    // A fifth of it is random: processes that were started together do not come together for ever.
    const ms = looksEveryMs * (0.8 + clock.random() / 5)
    this.#timer = clock.after(ms, () => void this.#prolong(words))
  }

  async #prolong(words: ServerWords): Promise<void> {
    const { membership, gate, clock } = this.#ring
    const connection = this.#connection
    const askedAtMs = clock.now()
    // A server that does not answer is not asked more often for that.
    const answer = await membership.prolong(this.#items, gate.isOpen).catch(() => 'unanswered' as const)
    if (connection !== this.#connection || this.#isAsking) return
    if (answer === true) this.#events.confirmed(askedAtMs)
    if (answer === false) void this.#ask(words, RETRY_MS_MIN)
    else this.#prolongLater(words)
  }
}
