import { hostNow } from '@holdfast/testkit'
import { after, nextTurn } from './clock.ts'

/**
 * An open loop: ticks are due at fixed moments, whatever became of the ones before, and none is left out. A timer is up
 * to a millisecond late: the last of the wait is spent in turns of the event loop, which go on handling what arrives.
 */
export class Ticker {
  readonly #tickMs: number
  readonly #onTick: (dueMs: number) => void
  #dueMs = 0
  #lagMs = 0
  #isRunning = false

  constructor(tickMs: number, onTick: (dueMs: number) => void) {
    this.#tickMs = tickMs
    this.#onTick = onTick
  }

  /** Time, in all, that this event loop was late for its ticks: nothing that was due in it could be answered. */
  get lagMs(): number {
    // What is late by now counts before its tick: after a stall other timers may fire first.
    return this.#lagMs + (this.#isRunning ? worthTaking(hostNow() - this.#dueMs) : 0)
  }

  start(): void {
    this.#isRunning = true
    this.#dueMs = hostNow() + this.#tickMs
    this.#wait()
  }

  stop(): void {
    this.#lagMs = this.lagMs
    this.#isRunning = false
  }

  #wait(): void {
    if (!this.#isRunning) return
    const leftMs = this.#dueMs - hostNow()
    const sleepMs = Math.floor(leftMs - TIMER_LATE_MS)
    if (sleepMs >= 1) after(sleepMs, () => this.#wait())
    else if (leftMs > 0) nextTurn(() => this.#wait())
    else this.#tick(-leftMs)
  }

  #tick(lateMs: number): void {
    this.#lagMs += worthTaking(lateMs)
    // All that were missed, at once: this is what callers do who do not wait for each other.
    const nowMs = hostNow()
    while (this.#dueMs <= nowMs) {
      this.#onTick(this.#dueMs)
      this.#dueMs += this.#tickMs
    }
    nextTurn(() => this.#wait())
  }
}

const TIMER_LATE_MS = 1.2
// Less than this is no lateness of the process worth taking off an answer.
const LATE_MS = 2

function worthTaking(lateMs: number): number {
  return lateMs > LATE_MS ? lateMs : 0
}
