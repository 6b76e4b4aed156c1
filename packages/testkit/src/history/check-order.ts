import type { Findings } from './findings.ts'
import type { FillEvent, ReadEvent, SetEvent } from './history-event.ts'
import type { HistoryIndex, KeyHistory } from './history-index.ts'
import { VersionTimeline } from './version-timeline.ts'

/** A3 and A9: versions that go back. Only events that do not overlap are compared. */
export function checkOrder(index: HistoryIndex, findings: Findings): void {
  const histories = [...index.keys.values()]
  const hasSharedTier = histories.some(
    ({ fills, reads }) => fills.length > 0 || reads.some(({ source }) => source === 'l2'),
  )
  for (const history of histories) {
    checkProcesses(history, findings, hasSharedTier)
    checkSharedTier(history, findings)
  }
}

/**
 * A3. The earlier read counts only if a tier held its value: a load whose fill was refused may hand its caller
 * what the next caller, served by an older load that won, does not see yet. Where there is a shared tier, L1 counts only
 * for what that has held: what a process loads while it cannot use L2 it keeps to itself, and asks L2 again as soon as it
 * can, which may hold an older value that nobody has acknowledged to be invalidated.
 */
function checkProcesses(history: KeyHistory, findings: Findings, hasSharedTier: boolean): void {
  const seen = new Map<string, VersionTimeline>()
  const sharedSince = hasSharedTier ? sharedVersions(history) : undefined
  const fresh = history.reads.filter((read) => read.source !== 'stale' && isOrdered(history, read))
  for (const read of fresh) {
    if (read.version === undefined || (read.source !== 'l1' && read.source !== 'l2')) continue
    if (sharedSince !== undefined && (sharedSince.get(read.version) ?? Number.POSITIVE_INFINITY) > read.endMs)
      continue
    const known = seen.get(read.process)
    const timeline = known ?? new VersionTimeline()
    if (known === undefined) seen.set(read.process, timeline)
    timeline.add(read.endMs, read.version)
  }
  for (const read of fresh) {
    const newest = seen.get(read.process)?.newestBefore(read.startMs)
    if (newest !== undefined && read.version !== undefined && newest > read.version) {
      findings.add('A3', read, `version ${read.version} after this process had read ${newest}`)
    }
  }
}

/** When each version may have been in L2 for the first time. */
function sharedVersions({ fills, sets, reads }: KeyHistory): ReadonlyMap<number, number> {
  const since = new Map<number, number>()
  for (const event of [
    ...fills.filter(({ result }) => result !== 'refused'),
    ...sets,
    ...reads.filter(({ source }) => source === 'l2'),
  ]) {
    const { version, startMs } = event
    if (version !== undefined)
      since.set(version, Math.min(startMs, since.get(version) ?? Number.POSITIVE_INFINITY))
  }
  return since
}

/** A9: what was stored in L2, and what any process read there. */
function checkSharedTier(history: KeyHistory, findings: Findings): void {
  const events: readonly (FillEvent | SetEvent | ReadEvent)[] = [
    ...history.fills.filter((fill) => fill.result === 'stored'),
    ...history.sets.filter((set) => set.result === 'stored'),
    ...history.reads.filter((read) => read.source === 'l2'),
  ]
  const ordered = events.filter((event) => isOrdered(history, event))
  const timeline = new VersionTimeline()
  for (const event of ordered) if (event.version !== undefined) timeline.add(event.endMs, event.version)
  for (const event of ordered) {
    const newest = timeline.newestBefore(event.startMs)
    if (newest !== undefined && event.version !== undefined && newest > event.version) {
      findings.add('A9', event, `version ${event.version} in L2 after ${newest} was there`)
    }
  }
}

function isOrdered(history: KeyHistory, event: FillEvent | SetEvent | ReadEvent): boolean {
  return event.version !== undefined && history.isOrdered(event.version)
}
