import { keyName } from './acknowledgements.ts'
import type { Findings } from './findings.ts'
import type { FillEvent, LoadEvent } from './history-event.ts'
import type { HistoryIndex, KeyHistory } from './history-index.ts'

/** A lease that the server certainly holds from `grantedMs` to `untilMs`. */
interface Lease {
  readonly load: LoadEvent
  readonly grantedMs: number
  readonly untilMs: number
}

/** A5, A6 and A7: one load at a time, one accepted fill a load, none after it was voided. */
export function checkLeases(index: HistoryIndex, findings: Findings): void {
  for (const history of index.keys.values()) {
    const leases = history.loads.flatMap(leaseOf).sort((a, b) => a.grantedMs - b.grantedMs)
    checkFilledOnce(history, findings)
    checkAlone(index, history, leases, findings)
    checkVoided(index, history, leases, findings)
  }
}

function leaseOf(load: LoadEvent): readonly Lease[] {
  if (load.token === undefined) return []
  const untilMs = Math.min(load.endMs, load.leasedUntilMs ?? load.endMs)
  return [{ load, grantedMs: load.grantedMs ?? load.startMs, untilMs }]
}

/** A5. */
function checkFilledOnce(history: KeyHistory, findings: Findings): void {
  const accepted = new Set<string>()
  for (const fill of history.fills.filter((event) => event.result === 'stored')) {
    if (accepted.has(fill.token)) findings.add('A5', fill, 'this lease had stored a value already')
    accepted.add(fill.token)
  }
}

/**
 * A6. Leases are compared with those that are live when they are granted: O(n log n) plus the overlaps, which
 * are as few as there are loads at once.
 */
function checkAlone(
  index: HistoryIndex,
  history: KeyHistory,
  leases: readonly Lease[],
  findings: Findings,
): void {
  let live: Lease[] = []
  for (const lease of leases) {
    // Its time was over when its grant came: it may never have been live together with another.
    if (lease.untilMs <= lease.grantedMs) continue
    live = live.filter((other) => other.untilMs > lease.grantedMs)
    const rival = live.find((other) => isRival(index, history, other, lease))
    if (rival !== undefined) {
      const until = rival.untilMs.toFixed(3)
      findings.add('A6', lease.load, `process ${rival.load.process} held the lease until ${until} ms`)
    }
    live.push(lease)
  }
}

/**
 * Whether nothing explains both leases. Replies may overtake each other, so the server may have granted either
 * one first: whatever may have voided that one between its request and the other's grant explains them.
 */
function isRival(index: HistoryIndex, history: KeyHistory, earlier: Lease, later: Lease): boolean {
  if (earlier.load.token === later.load.token) return false
  const isUnvoided = (first: Lease, second: Lease): boolean =>
    index.disturbances.lastEndUpTo(history.names, second.grantedMs) < first.load.startMs
  return isUnvoided(earlier, later) && isUnvoided(later, earlier)
}

/** A7. Tags and clears replace tokens and void no lease: only operations on the key itself count. */
function checkVoided(
  index: HistoryIndex,
  history: KeyHistory,
  leases: readonly Lease[],
  findings: Findings,
): void {
  const granted = new Map(leases.map((lease) => [lease.load.token, lease.grantedMs]))
  const names = [keyName(history.key)]
  for (const fill of history.fills.filter((event) => event.result === 'stored')) {
    const grantedMs = granted.get(fill.token)
    if (grantedMs === undefined) continue
    const voidedMs = index.applied.firstEndAfter(names, grantedMs)
    if (voidedMs < fill.startMs) findings.add('A7', fill, whyVoided(fill, grantedMs, voidedMs))
  }
}

function whyVoided(fill: FillEvent, grantedMs: number, voidedMs: number): string {
  const times = [grantedMs, voidedMs, fill.startMs].map((ms) => ms.toFixed(3))
  return `the lease was granted at ${times[0]} ms and voided by ${times[1]} ms, the fill started at ${times[2]} ms`
}
