import {
  type Anomaly,
  type CheckHistoryOptions,
  checkHistory,
  type HistoryEvent,
  type ReadEvent,
} from '@holdfast/testkit'
import type { NodeReport } from './race-node.ts'
import type { Workload } from './workload.ts'

/** What a run of the race, or several of them, proved. */
export interface Verdict {
  /** Reads that were checked, those of the final sweep included. */
  readonly reads: number
  readonly violations: number
  /** The longest time from an acknowledgement to the start of a read that it should have told, allowed or not. */
  readonly worstStalenessMs: number
  /** Fresh reads that were behind an acknowledgement, within Δ or not. */
  readonly behind: number
  /** The first violations, in words. */
  readonly findings: readonly string[]
  /** The history of the first run with violations. */
  readonly history: readonly HistoryEvent[]
}

export const NOTHING: Verdict = {
  reads: 0,
  violations: 0,
  worstStalenessMs: 0,
  behind: 0,
  findings: [],
  history: [],
}

// Two loads of a key may run at once in one process: the one that was overtaken, and its follow-up (rule L).
const LOADS_AT_ONCE_MAX = 2
// Longest time a read may take beyond its loads: far beyond a lease and a busy machine.
const READ_MS_MAX = 10_000
// One after the other, of others and its own, where each load ends without a value that is stored.
const LOADS_MAX = 4
const FINDINGS_MAX = 5

/**
 * Judges the histories of all nodes of one run by the promises of its workload. `settledMs`: when nothing was owed to the
 * shared tier any more; the sweep came later.
 */
export function judge(workload: Workload, reports: readonly NodeReport[], settledMs?: number): Verdict {
  const events = reports.flatMap((report) => report.events)
  const sweep = reports.flatMap((report) => report.sweep).filter(isRead)
  const settled = settledMs === undefined ? [] : events.flatMap((event) => appliedBy(event, settledMs))
  const report = checkHistory([...events, ...settled], { ...promiseOf(workload), sweep })
  const others = reports.flatMap(otherFindings)
  const checked = report.violations.map(
    ({ anomaly, event, why }) => `${anomaly} ${event.process}, ${'key' in event ? event.key : ''}: ${why}`,
  )
  const counted = [...report.counts.values()].reduce((sum, count) => sum + count, 0)
  const violations = counted + others.length
  return {
    reads: events.filter(isRead).length + sweep.length,
    violations,
    worstStalenessMs: Math.max(report.worstStalenessMs, ...report.violations.map(({ staleMs }) => staleMs)),
    behind: report.reads - (report.freshness.find(({ withinMs }) => withinMs === 0)?.reads ?? 0),
    findings: [...others, ...checked].slice(0, FINDINGS_MAX),
    history: violations === 0 ? [] : [...events, ...sweep],
  }
}

/** Both verdicts as one. */
export function both(one: Verdict, other: Verdict): Verdict {
  return {
    reads: one.reads + other.reads,
    violations: one.violations + other.violations,
    worstStalenessMs: Math.max(one.worstStalenessMs, other.worstStalenessMs),
    behind: one.behind + other.behind,
    findings: [...one.findings, ...other.findings].slice(0, FINDINGS_MAX),
    history: one.history.length > 0 ? one.history : other.history,
  }
}

/** What was queued has been applied when all have come to rest: from then on it binds everyone. */
function appliedBy(event: HistoryEvent, settledMs: number): readonly HistoryEvent[] {
  if (event.kind !== 'invalidate' || event.result !== 'queued') return []
  return [{ ...event, process: 'the queue', endMs: settledMs, result: 'applied' }]
}

function promiseOf(workload: Workload): CheckHistoryOptions {
  const { l1, maxStaleMs, loadMsMax } = workload
  const isBehind = l1 === 'tracked' || l1 === 'bus' || l1 === 'none'
  return {
    ...(isBehind ? { deltaMs: maxStaleMs, staleAllowedMs: maxStaleMs } : {}),
    deadlineMs: READ_MS_MAX + LOADS_MAX * loadMsMax,
    skip: skippedIn(workload),
  }
}

/** What a history of this workload may show although all is well. */
function skippedIn({ l1, evicting, breaking, tags, gutter }: Workload): readonly Anomaly[] {
  const skipped: Anomaly[] = []
  // A lease that the server lost is granted again while its holder loads: its fill is refused.
  if (evicting === 'anything' || evicting === 'leases' || breaking !== 'nothing') skipped.push('A6')
  // An own invalidation by the tag of now hides nothing that carries the one before: that was another's, and takes Δ.
  if (tags === 'derived' && (l1 === 'bus' || l1 === 'none')) skipped.push('A4')
  // A key has a second place, which one node knows and others do not: until both have acknowledged, each has its version.
  if (gutter) skipped.push('A9')
  return skipped
}

function otherFindings({ loadsAtOnceMax, errors }: NodeReport): readonly string[] {
  const atOnce = loadsAtOnceMax > LOADS_AT_ONCE_MAX ? [`L: ${loadsAtOnceMax} loads of one key at once`] : []
  return [...atOnce, ...errors.map((error) => `a read ended with ${error}`)]
}

function isRead(event: HistoryEvent): event is ReadEvent {
  return event.kind === 'read'
}
