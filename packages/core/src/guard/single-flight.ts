/** One load of one key under way in this process, and who waits for it. */
export class Flight<Result, Held> {
  readonly key: string
  readonly controller: AbortController = new AbortController()
  /** No call may join any more: its FILL is written, or something was invalidated. */
  closed = false
  /** Something was invalidated in this process after it began: nothing of it is stored. */
  voided = false
  /** False while it waits for a place (rule L): nothing of it can be overtaken yet. */
  begun = false
  /** A refresh that nobody waits for: it goes on when joiners leave. */
  background = false
  /** It loads whatever is stored (`refresh`). */
  anew = false
  /** Lets it begin to load at once; while it waits for a place. */
  letIn: (() => void) | undefined
  /** A load that has a place waits for it: it needs none of its own. */
  urgent = false
  /** Callers that wait now. */
  waiters = 0
  /** The counter's value when the load began; undefined before. */
  loadMark: number | undefined
  /** What the leader's own READ found, kept only for the check that nobody else is given it (rule S). */
  leaderHeld: Held | undefined
  readonly result: Promise<Result>
  readonly #settle: (result: Result) => void

  constructor(key: string) {
    this.key = key
    const { promise, resolve } = Promise.withResolvers<Result>()
    this.result = promise
    this.#settle = resolve
  }

  settle(result: Result): void {
    this.#settle(result)
  }
}

interface KeyFlights<Result, Held> {
  /** The flight that calls may join. */
  open: Flight<Result, Held> | undefined
  readonly running: Set<Flight<Result, Held>>
  /** Begun in turn as places become free: at most one that anyone may join, and one that loads anew. */
  readonly waiting: { readonly flight: Flight<Result, Held>; readonly start: () => void }[]
}

/**
 * Single flight: at most one open flight a key, and at most `mayFollow` running ones (rule L): a flight that was
 * overtaken by an invalidation runs on for the callers that began before it; all later callers share one follow-up.
 * Bounded by the keys being loaded.
 */
export class Flights<Result, Held> {
  readonly #keys = new Map<string, KeyFlights<Result, Held>>()
  readonly #mayFollow: (running: number) => boolean

  constructor(mayFollow: (running: number) => boolean) {
    this.#mayFollow = mayFollow
  }

  /** Number of keys being loaded. */
  get size(): number {
    return this.#keys.size
  }

  /** The flight of this key that may still be joined by the sight of this class (its rules are the fence's). */
  open(key: string): Flight<Result, Held> | undefined {
    return this.#keys.get(key)?.open
  }

  /** Opens a flight in place of the open one, and calls `run` as soon as fewer than the allowed ones are running. */
  begin(key: string, run: (flight: Flight<Result, Held>) => Promise<Result>): Flight<Result, Held> {
    const flights = this.#keys.get(key) ?? {
      open: undefined,
      running: new Set<Flight<Result, Held>>(),
      waiting: [],
    }
    this.#keys.set(key, flights)
    const flight = new Flight<Result, Held>(key)
    flights.open = flight
    const start = () => {
      flights.running.add(flight)
      flight.begun = true
      run(flight).then((result) => {
        this.#ended(flights, flight)
        flight.settle(result)
      })
    }
    if (this.#mayFollow(flights.running.size)) start()
    else flights.waiting.push({ flight, start })
    return flight
  }

  /** No further call joins this flight: its FILL or RELEASE is about to be written. */
  close(flight: Flight<Result, Held>): void {
    flight.closed = true
  }

  /** Something of this key was invalidated here: its flights go on for those who wait, and store nothing. */
  void(key: string): void {
    for (const flight of this.#keys.get(key)?.running ?? []) voidFlight(flight)
  }

  voidAll(): void {
    for (const key of this.#keys.keys()) this.void(key)
  }

  /** Ends every flight: for close(). Resolves when they have ended, which gives their leases back. */
  async abortAll(reason: unknown): Promise<void> {
    const ended: Promise<Result>[] = []
    for (const { running, waiting } of this.#keys.values()) {
      // Those that wait begin when the running ones end, and end at once.
      for (const flight of [...running, ...waiting.map((one) => one.flight)]) {
        flight.controller.abort(reason)
        ended.push(flight.result)
      }
    }
    await Promise.all(ended)
  }

  #ended(flights: KeyFlights<Result, Held>, flight: Flight<Result, Held>): void {
    flights.running.delete(flight)
    if (flights.open === flight) flights.open = undefined
    const next = flights.waiting.shift()
    if (next !== undefined) next.start()
    else if (flights.running.size === 0 && flights.open === undefined) this.#keys.delete(flight.key)
  }
}

function voidFlight<Result, Held>(flight: Flight<Result, Held>): void {
  flight.voided = true
  flight.closed = true
}
