import { randomFillSync } from 'node:crypto'
// The global of this name is looked up by a call, which costs half as much again as reading the clock.
import { performance } from 'node:perf_hooks'

/** 8 unique random bytes, one latin1 character each. Tokens are compared for equality and never reused. */
export type Token = string

/** A pending timer. `cancel` is idempotent. */
export interface Timer {
  cancel(): void
}

/**
 * The only source of time, timers and randomness (the one exception: wire has a clock of the same shape).
 * Tests and the simulator pass their own.
 */
export interface Clock {
  /** Monotonic milliseconds, with fractions; the origin is arbitrary. */
  now(): number
  /** Wall time in milliseconds since 1970; may jump, and is used to notice a suspended machine only. */
  wallNow(): number
  /**
   * Calls `fire` once after `ms` (at most 24 days: a longer wait fires then). A 'background' timer (the default) does
   * not keep the process alive; one that a 'caller' waits for does, or the process would end before it is answered.
   */
  after(ms: number, fire: () => void, purpose?: 'caller' | 'background'): Timer
  /** Uniform in [0, 1). */
  random(): number
  /** A new unique token. */
  token(): Token
}

// A longer one would overflow, and fire at once.
const TIMER_MS_MAX = 2 ** 31 - 1
// One refill serves 512 tokens: a system call per token would cost more than the token.
const POOL_BYTES = 4096

class SystemClock implements Clock {
  #pool = Buffer.alloc(0)
  #used = 0

  now(): number {
    return performance.now()
  }

  wallNow(): number {
    return Date.now()
  }

  after(ms: number, fire: () => void, purpose: 'caller' | 'background' = 'background'): Timer {
    const handle = setTimeout(fire, Math.min(ms, TIMER_MS_MAX))
    if (purpose === 'background') handle.unref()
    return { cancel: () => clearTimeout(handle) }
  }

  random(): number {
    return Math.random()
  }

  token(): Token {
    if (this.#used + 8 > this.#pool.length) {
      this.#pool = randomFillSync(Buffer.alloc(POOL_BYTES))
      this.#used = 0
    }
    const at = this.#used
    this.#used = at + 8
    return this.#pool.toString('latin1', at, at + 8)
  }
}

/** The machine's own clock. */
export const systemClock: Clock = new SystemClock()
