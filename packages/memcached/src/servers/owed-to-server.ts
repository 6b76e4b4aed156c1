import { type Clock, type Invalidation, InvalidationQueue } from 'holdfast/contracts'

// Between attempts to tell a server that answers.
const RETRY_MS_MIN = 50
const RETRY_MS_MAX = 2_000

/** What the debtor can do. */
export interface Debtor {
  /** Whether the server is connected and answers. */
  mayTell(): boolean
  /** Tells the server; rejects where it does not acknowledge. */
  tell(owed: Invalidation): Promise<void>
  /** Nothing is owed any more. */
  settled(): void
}

/** The invalidations that one server has not been told of, until it has: rule Q for one server. Bounded as the queue is. */
export class OwedToServer {
  readonly #queue: InvalidationQueue
  readonly #clock: Clock
  readonly #debtor: Debtor
  #isTelling = false

  constructor(namesMax: number, clock: Clock, debtor: Debtor) {
    this.#queue = new InvalidationQueue(namesMax)
    this.#clock = clock
    this.#debtor = debtor
  }

  /** Names, and at most one clear. */
  get size(): number {
    return this.#queue.size
  }

  add(invalidation: Invalidation): void {
    this.#queue.add(invalidation)
    this.tell()
  }

  /** All of it, for another server to be told. */
  takeAll(): readonly Invalidation[] {
    return this.#queue.takeAll()
  }

  /** Tells the server now, where that is possible; where it fails, again after a while. */
  tell(retryMs: number = RETRY_MS_MIN): void {
    if (this.#isTelling || this.#queue.size === 0 || !this.#debtor.mayTell()) return
    this.#isTelling = true
    this.#queue
      .replay((owed) => this.#debtor.tell(owed))
      .then(
        () => {
          this.#isTelling = false
          // What came when the replay had found nothing more, and had not ended yet.
          if (this.#queue.size > 0) this.tell()
          else this.#debtor.settled()
        },
        () => {
          this.#isTelling = false
          this.#clock.after(retryMs, () => this.tell(Math.min(RETRY_MS_MAX, retryMs * 2)))
        },
      )
  }
}
