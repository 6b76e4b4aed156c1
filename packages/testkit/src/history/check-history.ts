import { invalidArgument } from 'holdfast/contracts'
import type { Anomaly, Violation } from './anomaly.ts'
import { checkLeases } from './check-leases.ts'
import { checkOrder } from './check-order.ts'
import { checkStaleness, checkSweep } from './check-staleness.ts'
import { checkValues } from './check-values.ts'
import { Findings } from './findings.ts'
import { Freshness, type FreshWithin } from './freshness.ts'
import type { HistoryEvent, ReadEvent } from './history-event.ts'
import { HistoryIndex } from './history-index.ts'

export interface CheckHistoryOptions {
  /** Δ: L1 hits may be this far behind an acknowledgement of another process (A8). Default: not at all (A1). */
  readonly deltaMs?: number
  /** Stale answers may be this far behind another process' hard invalidation: runs that cut L2. Default 0. */
  readonly staleAllowedMs?: number
  /** Longest a read may take (A12). Default: only reads that never ended count. */
  readonly deadlineMs?: number
  /** Reads of every key in every tier after the run came to rest (A2). Not part of `events`. */
  readonly sweep?: readonly ReadEvent[]
  /** Rules that this run cannot keep by design, e.g. A6 where leases are evicted. Default: none. */
  readonly skip?: readonly Anomaly[]
  /** Violations that are kept; all are counted. Default 1,000. */
  readonly violationsMax?: number
}

export interface HistoryReport {
  readonly events: number
  /** Reads that returned a value as fresh. */
  readonly reads: number
  /** The first ones found, at most `violationsMax`. */
  readonly violations: readonly Violation[]
  /** All of them, by anomaly. */
  readonly counts: ReadonlyMap<Anomaly, number>
  /** The longest time from an acknowledgement to the start of a read that it should have told, allowed or not. */
  readonly worstStalenessMs: number
  readonly freshness: readonly FreshWithin[]
}

/**
 * Checks a history offline against the anomalies of the protocol document, in O(n log n) for n events. Moments
 * that are equal count as concurrent, so doubt never becomes a violation. Events may come in any order.
 * Throws CacheError 'invalid_argument' for an event that ends before it starts.
 */
export function checkHistory(
  events: readonly HistoryEvent[],
  options: CheckHistoryOptions = {},
): HistoryReport {
  const { deltaMs, staleAllowedMs = 0, deadlineMs, sweep = [], skip = [], violationsMax = 1_000 } = options
  for (const [i, event] of [...events, ...sweep].entries()) checkSpan(i, event)
  const index = new HistoryIndex(events)
  const findings = new Findings(skip, violationsMax)
  const freshness = new Freshness()
  checkStaleness(index, { deltaMs, staleAllowedMs }, findings, freshness)
  checkSweep(index, sweep, findings)
  checkOrder(index, findings)
  checkLeases(index, findings)
  checkValues(index, deadlineMs, findings)
  return {
    events: events.length,
    reads: freshness.reads,
    violations: findings.violations,
    counts: findings.counts,
    worstStalenessMs: freshness.worstMs,
    freshness: freshness.steps(),
  }
}

function checkSpan(i: number, event: HistoryEvent): void {
  if (event.endMs >= event.startMs && Number.isFinite(event.endMs) && Number.isFinite(event.startMs)) return
  throw invalidArgument(
    `events[${i}]`,
    'finite moments, the end not before the start',
    `${event.startMs} to ${event.endMs}`,
  )
}
