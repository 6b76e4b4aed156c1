import type { Clock, Timer } from './clock.ts'
import { CacheError, type CacheErrorCode } from './errors.ts'

const SAYS_NOTHING: readonly CacheErrorCode[] = ['overloaded', 'closed', 'l2_part_away']

/** What a breaker needs of its owner. None of the callbacks throws. */
export interface BreakerOwner {
  readonly clock: Clock
  readonly l2TimeoutMs: number
  /** Asks the server one small thing, with the deadline of any other call. */
  probe(): Promise<void>
  opened(failures: number, calls: number, cause: unknown): void
  /** 'answered': a probe was; 'renewed': it is newly connected, which whoever keeps the connection tells of. */
  closed(how: 'answered' | 'renewed'): void
}

// A frozen server opens it with the first batch of calls that are late; single slow commands do not.
const WINDOW_CALLS = 10
const FAILURES_MIN = 5
const WINDOW_MASK = (1 << WINDOW_CALLS) - 1
// A recovered server is used again after at most this, and a round trip: well under a second.
const PROBE_EVERY_MS = 400
// A rejection that comes this long after its deadline: this process was blocked, which is not the server's doing.
const BLOCKED_MS = 25
// A call that was given less than this share of l2Timeout, because its caller had spent the rest, proves nothing.
const GIVEN_SHARE_MIN = 0.8

/**
 * Circuit breaker of one shared tier. It opens when at least half of the last ten calls found the server away or too
 * late; while it is open nobody waits for the server any more, and a probe in the background closes it. Answers that
 * are errors are answers: a bad key or a full server never opens it. Cost while all is well: one comparison a call.
 */
export class Breaker {
  readonly #owner: BreakerOwner
  /** The last calls that ended, one bit each, 1 for a failure. */
  #window = 0
  #isOpen = false
  #probing: Timer | undefined
  #ended = false

  constructor(owner: BreakerOwner) {
    this.#owner = owner
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** The server answered a call. */
  succeeded(): void {
    if (this.#window !== 0) this.#window = (this.#window << 1) & WINDOW_MASK
  }

  /** A call that was given `givenMs`, until `by`, ended with this error. */
  failed(error: unknown, by: number, givenMs: number): void {
    const verdict = verdictOf(error)
    if (verdict === 'answered') this.succeeded()
    if (verdict !== 'absent' || givenMs < GIVEN_SHARE_MIN * this.#owner.l2TimeoutMs) return
    if (this.#owner.clock.now() - by > BLOCKED_MS) return
    this.#window = ((this.#window << 1) | 1) & WINDOW_MASK
    const failures = countBits(this.#window)
    if (this.#isOpen || this.#ended || failures < FAILURES_MIN) return
    this.#isOpen = true
    this.#owner.opened(failures, WINDOW_CALLS, error)
    // At once: where one slow command held up many calls, the server is back already.
    this.#probe()
  }

  /** The server is a new one, or newly connected: what was counted is of no use. */
  reset(): void {
    this.#close('renewed')
  }

  /** Ends the probes. */
  close(): void {
    this.#ended = true
    this.#probing?.cancel()
  }

  #close(how: 'answered' | 'renewed'): void {
    this.#window = 0
    this.#probing?.cancel()
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#owner.closed(how)
  }

  #probe(): void {
    this.#owner.probe().then(
      () => {
        if (this.#isOpen && !this.#ended) this.#close('answered')
      },
      () => {
        if (!this.#isOpen || this.#ended) return
        // Half of it is random: processes that lost one server do not probe in step.
        const ms = PROBE_EVERY_MS * (0.5 + this.#owner.clock.random() / 2)
        this.#probing = this.#owner.clock.after(ms, () => this.#probe())
      },
    )
  }
}

/** The error of a call that is not made because the breaker is open. */
export function breakerIsOpen(): CacheError {
  return new CacheError('l2_unavailable', 'the shared tier does not answer in time; it is probed', {
    tier: 'l2',
    retryable: true,
  })
}

/** What an error says of the server. 'nothing': it is this process's own doing (too much in flight, closed), or a part's. */
function verdictOf(error: unknown): 'absent' | 'answered' | 'nothing' {
  if (!(error instanceof CacheError)) return 'answered'
  if (error.code === 'l2_timeout' || error.code === 'l2_unavailable') return 'absent'
  return SAYS_NOTHING.includes(error.code) ? 'nothing' : 'answered'
}

function countBits(bits: number): number {
  let count = 0
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++
  return count
}
