import type { Clock, Timer } from 'holdfast/contracts'
import type { RingItems } from './ring-items.ts'
import type { RingMembership } from './ring-membership.ts'

// Between attempts, where a server that is connected does not answer.
const RETRY_MS_MIN = 50
const RETRY_MS_MAX = 2_000
// Each process tells a server that the ring is still in use, and hears whether it is: how long one that asks for nothing
// else may overlook that another ring has taken its place where it could not be sealed.
const PROLONG_MS = 5_000

/** What a server says of itself when it is connected. */
export interface ServerWords {
  readonly server: string
  readonly version: string
}

/** What is told of an admission. */
export interface AdmissionEvents {
  /** The ring may be used on this connection. */
  admitted(words: ServerWords): void
  /** Another ring is in use. */
  displaced(): void
}

/** Whether a ring may be used on one server: asked on each new connection, and again and again while it lasts. */
export class RingAdmission {
  readonly #membership: RingMembership
  readonly #items: RingItems
  readonly #clock: Clock
  readonly #events: AdmissionEvents
  /** Counts the connections that came and went: what was begun on one says nothing of the next. */
  #connection = 0
  #timer: Timer | undefined

  constructor(membership: RingMembership, items: RingItems, clock: Clock, events: AdmissionEvents) {
    this.#membership = membership
    this.#items = items
    this.#clock = clock
    this.#events = events
  }

  connected(words: ServerWords): void {
    this.lost()
    void this.#ask(words, this.#connection, RETRY_MS_MIN)
  }

  /** The connection is gone, or of no more use. */
  lost(): void {
    this.#connection++
    this.#timer?.cancel()
  }

  async #ask(words: ServerWords, connection: number, retryMs: number): Promise<void> {
    const answer = await this.#membership.admit(this.#items).catch(() => undefined)
    if (connection !== this.#connection) return
    if (answer === false) this.#events.displaced()
    else if (answer === undefined) {
      const nextMs = Math.min(RETRY_MS_MAX, retryMs * 2)
      this.#timer = this.#clock.after(retryMs, () => void this.#ask(words, connection, nextMs))
    } else {
      this.#prolongLater(words, connection)
      this.#events.admitted(words)
    }
  }

  #prolongLater(words: ServerWords, connection: number): void {
    // A fifth of it is random: processes that were started together do not come together for ever.
    const ms = PROLONG_MS * (0.8 + this.#clock.random() / 5)
    this.#timer = this.#clock.after(ms, () => void this.#prolong(words, connection))
  }

  async #prolong(words: ServerWords, connection: number): Promise<void> {
    // A server that does not answer is not asked more often for that.
    const isOurs = await this.#membership.prolong(this.#items).catch(() => true)
    if (connection !== this.#connection) return
    if (isOurs) this.#prolongLater(words, connection)
    else void this.#ask(words, connection, RETRY_MS_MIN)
  }
}
