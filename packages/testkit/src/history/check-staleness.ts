import type { Acknowledgements } from './acknowledgements.ts'
import type { Findings } from './findings.ts'
import type { Freshness } from './freshness.ts'
import type { ReadEvent } from './history-event.ts'
import type { HistoryIndex, KeyHistory } from './history-index.ts'

/** How far behind an acknowledgement a run allows its reads to be. */
export interface StalenessBounds {
  /** Of L1 hits; undefined: not at all. */
  readonly deltaMs: number | undefined
  /** Of answers handed out as stale, after another process' hard invalidation. */
  readonly staleAllowedMs: number
}

/** A1, A4 and A8: what reads owe to invalidations that were acknowledged before they started. */
export function checkStaleness(
  index: HistoryIndex,
  bounds: StalenessBounds,
  findings: Findings,
  freshness: Freshness,
): void {
  for (const history of index.keys.values()) {
    for (const read of history.reads) {
      if (read.version === undefined) continue
      const behindMs = staleMs(read, read.version, history, index.applied)
      if (read.source !== 'stale') freshness.add(behindMs)
      addBehind(read, behindMs, bounds, findings)
      const behindOwnMs = staleMs(read, read.version, history, index.ownOf(read.process))
      if (behindOwnMs > 0) findings.add('A4', read, because(read, behindOwnMs, 'its own write'), behindOwnMs)
    }
  }
}

/** A2: the final sweep, with no allowance at all. */
export function checkSweep(index: HistoryIndex, sweep: readonly ReadEvent[], findings: Findings): void {
  for (const read of sweep) {
    if (read.version === undefined) continue
    const behindMs = staleMs(read, read.version, index.key(read.key), index.applied)
    if (behindMs > 0) findings.add('A2', read, because(read, behindMs, 'an invalidation'), behindMs)
  }
}

function addBehind(read: ReadEvent, behindMs: number, bounds: StalenessBounds, findings: Findings): void {
  if (behindMs === 0) return
  const why = because(read, behindMs, 'an invalidation')
  if (read.source === 'l1' && bounds.deltaMs !== undefined) {
    if (behindMs > bounds.deltaMs) {
      findings.add('A8', read, `${why}; the bound is ${bounds.deltaMs} ms`, behindMs)
    }
    return
  }
  if (read.source === 'stale' && behindMs <= bounds.staleAllowedMs) return
  findings.add('A1', read, why, behindMs)
}

/**
 * How long before the read's start an operation was acknowledged that should have hidden its version: one that
 * started after a newer version was committed, and after the last set of this very version. 0: none was. An
 * acknowledgement at the very moment of the start is concurrent.
 */
function staleMs(
  read: ReadEvent,
  version: number,
  history: KeyHistory,
  acknowledgements: Acknowledgements,
): number {
  const newerAtMs = history.committed.firstNewer(version)
  if (newerAtMs === undefined) return 0
  const fromMs = Math.max(newerAtMs, history.origin(version)?.lastSetEndMs ?? newerAtMs)
  const ackedMs = acknowledgements.firstEndAfter(
    history.names,
    fromMs,
    read.source === 'stale' ? ['hard'] : ['hard', 'soft'],
  )
  return Math.max(0, read.startMs - ackedMs)
}

function because(read: ReadEvent, behindMs: number, whose: string): string {
  return `version ${read.version} from ${read.source ?? 'an unknown tier'}, ${behindMs.toFixed(3)} ms after ${whose} of a newer one was acknowledged`
}
