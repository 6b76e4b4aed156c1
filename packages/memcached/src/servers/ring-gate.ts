import type { Clock, Timer } from 'holdfast/contracts'
import type { RingState } from './ring-mark.ts'
import type { Admitted, RingPhase, Sealing } from './ring-membership.ts'

// From a look at a record to the end of what it tells: the trip of the look before it, its own, and the one in which the
// process asks whether it is admitted again.
const HEARING_TRIPS = 3
// How long the first of the servers that are connected waits for the last: a process that starts, or has been cut off
// from all, does not load around those that come a moment later.
export const OPENING_MS = 150
// A wait that takes longer is told of.
const TOLD_AFTER_MS = 250

/** What a gate needs of its ring. */
export interface GateOwner {
  readonly clock: Clock
  readonly l2TimeoutMs: number
  readonly servers: number
  /** Whoever uses another ring looks at the records of his so often. */
  readonly looksEveryMs: number
  /** False, for a check: the ring is used on each server as soon as it is admitted there. */
  readonly waits: boolean
  /** The ring may be used from here on. */
  opened(): void
  /** A server has admitted the ring, and it is not to be used yet: for at most so long. Told once. */
  waiting(ms: number): void
  /** What a server said before is not enough: each is to be asked again. */
  askAgain(): void
}

/**
 * Whether a ring may be used yet: on none of its servers before nobody uses another one. It opens
 *
 * - when each server of the list has admitted the ring, and every other that was found is sealed on all of its servers;
 * - or, where others use the ring already, after a moment: they have waited;
 * - or when whoever uses another ring must have found our record: he looks at it every 2 s, on each server of his.
 *
 * Once open it stays so, as long as the ring is kept. What it proves, and what not: docs/adr/0016.
 */
export class RingGate {
  readonly #owner: GateOwner
  /** What each server that has admitted the ring said last. */
  readonly #states = new Map<object, RingState>()
  /** Ends of other rings, of which one was told or is told again. */
  readonly #sealings = new Set<Sealing>()
  /** Rings that may be in use on servers that we cannot seal. */
  #others = 0
  #hearing: Timer | undefined
  #opening: Timer | undefined
  #telling: Timer | undefined
  #isPatient = true
  #follows = false
  /** Whatever this process has found of other rings is over. */
  #isClear = false
  #isOpen = false
  #isClosed = false

  constructor(owner: GateOwner) {
    this.#owner = owner
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** How far the ring is, for a server that is about to be asked. */
  phaseOf(server: object): RingPhase {
    const state = this.#isOpen ? 'in-use' : this.#isClear ? 'clear' : 'entering'
    return { state, renews: this.#follows && !this.#states.has(server) }
  }

  /** A server has admitted the ring. */
  admitted(server: object, { state, follows, sealing }: Admitted): void {
    const isFirst = follows && !this.#follows && !this.#isOpen
    if (isFirst) this.#states.clear()
    this.#states.set(server, state)
    if (this.#isOpen || this.#isClosed) return
    if (isFirst) {
      this.#follows = true
      this.#owner.askAgain()
    }
    const isNew = sealing !== undefined && !this.#sealings.has(sealing)
    if (isNew) this.#awaitEnd(sealing)
    if (isNew || this.#hearing === undefined) this.#awaitHearing()
    this.#decide()
  }

  /** The ring is left. */
  close(): void {
    this.#isClosed = true
    this.#cancelAll()
  }

  #awaitEnd(sealing: Sealing): void {
    this.#sealings.add(sealing)
    this.#others++
    this.#isClear = false
    void sealing.everywhere.then((isSealed) => {
      if (!isSealed) return
      this.#others--
      this.#decide()
    })
  }

  #awaitHearing(): void {
    const { clock, looksEveryMs, l2TimeoutMs } = this.#owner
    const ms = looksEveryMs + HEARING_TRIPS * l2TimeoutMs
    this.#hearing?.cancel()
    this.#hearing = clock.after(ms, () => this.#open())
    this.#telling ??= clock.after(TOLD_AFTER_MS, () => this.#owner.waiting(ms))
  }

  #decide(): void {
    const { clock, servers, waits } = this.#owner
    const states = [...this.#states.values()]
    const areAllAsked = states.length === servers
    const isEntering = states.includes('entering')
    const isJoined = states.includes('in-use')
    if (waits && this.#others > 0) return
    if (waits && isEntering) {
      // Of two that wait for each other, each says that it has nothing to wait for itself.
      if (areAllAsked && !this.#isClear) this.#tellClear()
      return
    }
    if (areAllAsked || !this.#isPatient) this.#open()
    else if (isJoined || !waits) {
      this.#opening ??= clock.after(OPENING_MS, () => {
        this.#isPatient = false
        this.#decide()
      })
    }
  }

  #tellClear(): void {
    this.#isClear = true
    this.#owner.askAgain()
  }

  #open(): void {
    if (this.#isOpen || this.#isClosed) return
    this.#isOpen = true
    this.#cancelAll()
    this.#owner.opened()
  }

  #cancelAll(): void {
    for (const timer of [this.#hearing, this.#opening, this.#telling]) timer?.cancel()
  }
}
