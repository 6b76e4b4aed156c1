// The global of this name is looked up by a call, which costs half as much again as reading the clock.
import { performance } from 'node:perf_hooks'

/** A pending timer. `cancel` is idempotent. */
export interface WireTimer {
  cancel(): void
}

/**
 * The only source of time, timers and randomness here. Of the same shape as the clock of `holdfast`, whose
 * clock the caller passes in; wire has its own type because it depends on nothing.
 */
export interface WireClock {
  /** Monotonic milliseconds, with fractions; the origin is arbitrary. */
  now(): number
  /** Calls `fire` once after `ms`. The timer never keeps the process alive. */
  after(ms: number, fire: () => void): WireTimer
  /** Uniform in [0, 1). */
  random(): number
  /** Calls `fire` after one turn of the event loop, in which waiting socket data is read. Default: setImmediate. */
  turn?(fire: () => void): void
}

// A longer one would overflow, and fire at once.
const TIMER_MS_MAX = 2 ** 31 - 1

/** The machine's own clock. */
export const systemWireClock: WireClock = {
  now: () => performance.now(),
  after(ms, fire) {
    const handle = setTimeout(fire, Math.min(ms, TIMER_MS_MAX))
    handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
  random: () => Math.random(),
}

/** Calls `fire` after sockets had one chance to be read. */
export function afterTurn(clock: WireClock, fire: () => void): void {
  if (clock.turn === undefined) setImmediate(fire)
  else clock.turn(fire)
}
