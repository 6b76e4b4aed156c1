import { type Slope, slopeOf } from './slope.ts'
import type { Vitals } from './vitals.ts'

/** What one process held: before the load, again and again during it, and when all had come to rest. */
export interface LeakEvidence {
  readonly name: string
  readonly before: Vitals
  /** Of the safety phase; its last half counts. */
  readonly during: readonly Vitals[]
  readonly after: Vitals
}

export interface LeakReport {
  readonly name: string
  /** MB a minute, over the last half of the safety phase. */
  readonly heap: Slope
  /** False: that half is so short that a cache which is still being filled would pass for a leak. */
  readonly isJudged: boolean
  readonly heapMb: number
  readonly findings: readonly string[]
}

const MB = 2 ** 20
const HEAP_MB_PER_MINUTE_MAX = 1
// What is judged: long after L1, and what is remembered beside it, have come to their bounds.
const JUDGED_MS_MIN = 4 * 60_000
// A socket that is just being opened anew, and the file of a window that has just begun.
const FDS_SLACK = 3
const RESOURCES_SLACK = 1

/**
 * Flat memory: the heap's slope is below 1 MB a minute, or its excess is within twice its standard error, so that noise
 * is no leak; and a process at rest holds what it held before. The heap of a run of less than eight minutes is not judged.
 */
export function leaksOf({ name, before, during, after }: LeakEvidence): LeakReport {
  const half = during.slice(Math.floor(during.length / 2))
  const heap = slopeOf(half.map(({ atMs, heapBytes }) => [atMs / 60_000, heapBytes / MB]))
  const findings: string[] = []
  const isJudged = (half.at(-1)?.atMs ?? 0) - (half[0]?.atMs ?? 0) >= JUDGED_MS_MIN
  if (isJudged && heap.perX - 2 * heap.error > HEAP_MB_PER_MINUTE_MAX) {
    findings.push(`${name}: the heap grows by ${heap.perX.toFixed(2)} ± ${heap.error.toFixed(2)} MB a minute`)
  }
  const grows = (what: string, was: number, is: number, slack: number): void => {
    if (is > was + slack) findings.push(`${name}: ${what} ${is} at rest, ${was} before the load`)
  }
  if (before.fds !== undefined && after.fds !== undefined)
    grows('file descriptors', before.fds, after.fds, FDS_SLACK)
  for (const [kind, count] of Object.entries(after.resources)) {
    grows(`active resources of kind ${kind}`, before.resources[kind] ?? 0, count, RESOURCES_SLACK)
  }
  grows('listeners of the process', before.listeners, after.listeners, 0)
  return { name, heap, isJudged, heapMb: (half.at(-1)?.heapBytes ?? after.heapBytes) / MB, findings }
}
