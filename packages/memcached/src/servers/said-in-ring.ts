import { type Clock, type Invalidation, InvalidationQueue } from 'holdfast/contracts'

/**
 * What this process has invalidated in a ring since every server of it last knew that ring as the one in use. A process
 * that was cut off, or stood still, for longer than others wait for it may have told it to servers that nobody reads any
 * more: it tells the next ring again. Bounded as the queue is: twice `namesMax` names.
 */
export class SaidInRing {
  readonly #namesMax: number
  readonly #clock: Clock
  readonly #confirmedAtMs: number[]
  #before: InvalidationQueue
  #since: InvalidationQueue
  /** What was said before it is in `#before`. */
  #turnedAtMs: number

  constructor(namesMax: number, servers: number, clock: Clock) {
    this.#namesMax = namesMax
    this.#clock = clock
    this.#confirmedAtMs = Array.from({ length: servers }, () => Number.NEGATIVE_INFINITY)
    this.#before = new InvalidationQueue(namesMax)
    this.#since = new InvalidationQueue(namesMax)
    this.#turnedAtMs = clock.now()
  }

  /** Before it is sent. */
  add(invalidation: Invalidation): void {
    this.#since.add(invalidation)
  }

  /** A server that was asked then still knew the ring as the one in use. */
  confirmed(server: number, askedAtMs: number): void {
    this.#confirmedAtMs[server] = askedAtMs
    if (Math.min(...this.#confirmedAtMs) < this.#turnedAtMs) return
    this.#before = this.#since
    this.#since = new InvalidationQueue(this.#namesMax)
    this.#turnedAtMs = this.#clock.now()
  }

  takeAll(): readonly Invalidation[] {
    return [...this.#before.takeAll(), ...this.#since.takeAll()]
  }
}
