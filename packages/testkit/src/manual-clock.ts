import { setImmediate } from 'node:timers/promises'
import type { Clock, Timer, Token } from 'holdfast/contracts'
import { invalidArgument } from 'holdfast/contracts'
import { seeded } from './seed.ts'

export interface ManualClockOptions {
  /** First value of `now()`, in milliseconds. Default 0. */
  readonly startMs?: number
  /**
   * Seed of `random()` and `token()`, an integer of 32 bits. Default: the number of manual clocks made so far in
   * this process, so that two of them never mint the same token.
   */
  readonly seed?: number
}

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /** Timers that have neither fired nor been cancelled. */
  readonly pendingTimers: number
  /**
   * Moves both times on, and fires the timers that come due in the order of their moments, each at its moment.
   * Before the first and after each of them, everything that waits only on promises has run. Calls queue.
   */
  advance(ms: number): Promise<void>
  /** Lets everything run that waits only on promises, without moving time. */
  settle(): Promise<void>
  /** Moves wall time alone, back if negative: a machine that was suspended, or whose clock was set. */
  shiftWall(ms: number): void
}

interface PendingTimer {
  readonly dueMs: number
  readonly fire: () => void
}

// 2026-01-01T00:00:00Z: any fixed moment will do.
const WALL_START_MS = 1_767_225_600_000
/** Timers that one `advance` fires: one that re-arms itself at once would never let it end. */
const FIRES_MAX = 100_000

let clocksMade = 0

/** Makes a clock for tests: time, timers, randomness and tokens, all of them repeatable. */
export function manualClock(options: ManualClockOptions = {}): ManualClock {
  clocksMade++
  const { startMs = 0, seed = clocksMade } = options
  if (!Number.isFinite(startMs)) throw invalidArgument('startMs', 'a finite number', startMs)
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw invalidArgument('seed', 'an integer from 0 to 4294967295', seed)
  }
  return new SteppedClock(startMs, seed)
}

class SteppedClock implements ManualClock {
  readonly random: () => number
  readonly token: () => Token
  readonly #startMs: number
  #nowMs: number
  #wallShiftMs = 0
  // Sorted by due moment; of equal ones the older first.
  readonly #timers: PendingTimer[] = []
  #advancing: Promise<void> = Promise.resolve()

  constructor(startMs: number, seed: number) {
    this.#startMs = startMs
    this.#nowMs = startMs
    this.random = seeded(seed)
    this.token = seededTokens(seed)
  }

  get pendingTimers(): number {
    return this.#timers.length
  }

  now(): number {
    return this.#nowMs
  }

  wallNow(): number {
    return WALL_START_MS + this.#nowMs - this.#startMs + this.#wallShiftMs
  }

  after(ms: number, fire: () => void): Timer {
    if (Number.isNaN(ms)) throw invalidArgument('ms', 'a number of milliseconds', ms)
    const timer: PendingTimer = { dueMs: this.#nowMs + Math.max(0, ms), fire }
    const behind = this.#timers.findLastIndex((other) => other.dueMs <= timer.dueMs)
    this.#timers.splice(behind + 1, 0, timer)
    return {
      cancel: () => {
        const at = this.#timers.indexOf(timer)
        if (at >= 0) this.#timers.splice(at, 1)
      },
    }
  }

  advance(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) {
      return Promise.reject(invalidArgument('ms', 'a finite number of milliseconds, 0 or more', ms))
    }
    const advanced = this.#advancing.then(() => this.#advanceBy(ms))
    // One advance that failed (a timer threw) does not fail the next.
    this.#advancing = advanced.catch(() => {})
    return advanced
  }

  async settle(): Promise<void> {
    // An immediate runs when the queues of promises and of nextTick are empty.
    await setImmediate()
  }

  shiftWall(ms: number): void {
    if (!Number.isFinite(ms)) throw invalidArgument('ms', 'a finite number of milliseconds', ms)
    this.#wallShiftMs += ms
  }

  async #advanceBy(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    await this.settle()
    for (let fired = 0; ; fired++) {
      const next = this.#timers[0]
      if (next === undefined || next.dueMs > untilMs) break
      if (fired === FIRES_MAX) throw new Error(`advance(${ms}) fired ${FIRES_MAX} timers: one re-arms itself`)
      this.#timers.shift()
      this.#nowMs = next.dueMs
      next.fire()
      await this.settle()
    }
    this.#nowMs = untilMs
  }
}

const U64 = 2n ** 64n

/** Seed and a counter through splitmix64's finaliser, which is one to one: tokens never repeat. */
function seededTokens(seed: number): () => Token {
  let count = 0
  return () => {
    let mixed = (BigInt(seed) << 32n) | BigInt(count++ % 2 ** 32)
    mixed = ((mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n) % U64
    mixed = ((mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn) % U64
    const bytes = Buffer.allocUnsafe(8)
    bytes.writeBigUInt64BE(mixed ^ (mixed >> 31n))
    return bytes.toString('latin1')
  }
}
