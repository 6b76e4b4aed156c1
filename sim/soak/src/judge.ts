import { type Anomaly, checkHistory, type HistoryEvent, type Violation } from '@holdfast/testkit'
import { MAX_STALE_MS, STALE_IF_ERROR_MS } from './dials.ts'
import { Past } from './past.ts'

/** What one window of the history proved. */
export interface WindowVerdict {
  readonly index: number
  readonly reads: number
  readonly worstStalenessMs: number
  /** Reads that broke a promise. */
  readonly violations: number
  /** The first ones, in words. */
  readonly findings: readonly string[]
  /** All that is known of the keys of the first ones. */
  readonly evidence: readonly HistoryEvent[]
}

export interface JudgeBounds {
  /** Δ: of L1 hits behind another process' acknowledgement. */
  readonly deltaMs: number
  /** Of answers handed out as stale, likewise. */
  readonly staleAllowedMs: number
}

const BOUNDS: JudgeBounds = { deltaMs: MAX_STALE_MS, staleAllowedMs: STALE_IF_ERROR_MS }

// No call is under way for longer than this: what was acknowledged before binds every read of a window.
const CALL_MS_MAX = 20_000
const FINDINGS_MAX = 5

/**
 * Checks an endless history window by window with the testkit's checker, which gets the window and what the past still
 * means for its keys (Past). A window holds the events that ended in it, of all processes; windows come in order.
 */
export class Judge {
  readonly #bounds: JudgeBounds
  readonly #past: Past

  constructor(bounds: JudgeBounds = BOUNDS) {
    this.#bounds = bounds
    this.#past = new Past(Math.max(bounds.deltaMs, bounds.staleAllowedMs) + CALL_MS_MAX)
  }

  judge(index: number, window: readonly HistoryEvent[], endMs: number): WindowVerdict {
    const before = this.#past.before(window)
    const { deltaMs, staleAllowedMs } = this.#bounds
    const report = checkHistory([...before, ...window], {
      deltaMs,
      staleAllowedMs,
      // Those of the past are told once more, and are not counted: all must be seen.
      violationsMax: Number.POSITIVE_INFINITY,
    })
    this.#past.take(window, endMs)
    const past = new Set(before)
    const violations = new Map<HistoryEvent, Violation>()
    for (const violation of report.violations) {
      const { event } = violation
      // A read that breaks two rules is one: which of them are still told depends on how much of the past is kept.
      if (!past.has(event) && !violations.has(event) && !this.#isExplained(violation))
        violations.set(event, violation)
    }
    const first = [...violations.values()].slice(0, FINDINGS_MAX)
    const reads = window.filter(({ kind }) => kind === 'read').length
    return {
      index,
      reads,
      worstStalenessMs: report.worstStalenessMs,
      violations: violations.size,
      findings: first.map(inWords),
      evidence: evidenceOf(first, [...before, ...window]),
    }
  }

  /**
   * A process may read an older version after a newer one while the newer one's invalidation is not applied: cut off
   * from L2 it loads what the database has, and afterwards reads what L2 still holds, because the writer owes L2 the
   * invalidation (`queued`). Nobody was promised the newer version yet.
   */
  #isExplained({ anomaly, event }: Violation): boolean {
    if (anomaly !== 'A3' && anomaly !== 'A9') return false
    return 'version' in event && !this.#past.isTold(event.key, event.version ?? 0, event.startMs)
  }
}

/** The letters of promises.md, section 6: a stale read, going back, a foreign value or one that nobody wrote. */
const LETTERS: Partial<Record<Anomaly, string>> = { A1: 'a', A4: 'a', A8: 'a', A3: 'b', A9: 'b', A10: 'c, d' }

function inWords({ anomaly, event, why }: Violation): string {
  const key = 'key' in event ? ` of ${event.key}` : ''
  return `(${LETTERS[anomaly] ?? anomaly}) ${event.process}, ${event.kind}${key} at ${event.startMs.toFixed(3)} ms: ${why}`
}

function evidenceOf(
  violations: readonly Violation[],
  events: readonly HistoryEvent[],
): readonly HistoryEvent[] {
  const keys = new Set<string>()
  for (const { event } of violations) if ('key' in event) keys.add(event.key)
  if (keys.size === 0) return []
  const tags = new Set<string>()
  for (const event of events)
    if ('key' in event && keys.has(event.key)) for (const tag of event.tags ?? []) tags.add(tag)
  return events.filter((event) =>
    event.kind === 'invalidate'
      ? event.keys?.some((key) => keys.has(key)) || event.tags?.some((tag) => tags.has(tag))
      : keys.has(event.key),
  )
}
