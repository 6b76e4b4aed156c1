import type { CacheError, Clock } from '../contracts.ts'
import type { Moment } from './bus-rules.ts'

/** Whoever waits for an own beat to come back: the first that is sent after he asked. */
interface Waiter {
  /** undefined: it has not been sent. */
  beat: number | undefined
  end(error?: CacheError): void
}

// Own beats that have not come back. Older ones prove nothing that a younger one does not.
const OUTSTANDING_MAX = 64

/** The beats that this cache has sent and not heard yet: when each was sent, and who waits for it. */
export class OwnBeats {
  readonly #clock: Clock
  readonly #outstanding = new Map<number, Moment>()
  /** Each ends at its own deadline. */
  readonly #waiters = new Set<Waiter>()
  /** Somebody waits for the next beat. */
  #isAwaited = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Whether a beat is wanted now. Not where as many as are remembered are on their way: a further one would only make the
   * oldest forgotten, which is the next to come back.
   */
  get isDue(): boolean {
    return this.#isAwaited && this.#outstanding.size < OUTSTANDING_MAX
  }

  /** A beat was handed to the bus; `sent`: the moment before that. */
  note(beat: number, sent: Moment): void {
    this.#outstanding.set(beat, sent)
    for (const waiter of this.#waiters) waiter.beat ??= beat
    this.#isAwaited = false
    const [oldest] = this.#outstanding.keys()
    if (this.#outstanding.size > OUTSTANDING_MAX && oldest !== undefined) this.#outstanding.delete(oldest)
  }

  /** A beat came back. When it was sent; undefined: it has been here before, or was sent on another connection. */
  cameBack(beat: number): Moment | undefined {
    const sent = this.#outstanding.get(beat)
    if (sent === undefined) return undefined
    for (const each of this.#outstanding.keys()) if (each <= beat) this.#outstanding.delete(each)
    return sent
  }

  /** Everything that a beat proves is done: whoever waited for it, or for an older one, goes on. */
  settle(beat: number): void {
    for (const waiter of this.#waiters) if (waiter.beat !== undefined && waiter.beat <= beat) waiter.end()
  }

  /** Until a beat has come back that is sent from now on; rejects with `late` at `by`. */
  wait(by: number, late: CacheError): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter: Waiter = {
      beat: undefined,
      end: (error) => {
        timer.cancel()
        this.#waiters.delete(waiter)
        if (error === undefined) resolve()
        else reject(error)
      },
    }
    const timer = this.#clock.after(Math.max(0, by - this.#clock.now()), () => waiter.end(late), 'caller')
    this.#waiters.add(waiter)
    this.#isAwaited = true
    return promise
  }

  /** None of them will come back. */
  giveUp(reason: CacheError): void {
    this.#outstanding.clear()
    this.#isAwaited = false
    for (const waiter of this.#waiters) waiter.end(reason)
  }
}
