import type { Agreement } from './agreement.ts'
import { AGREE_MS_MAX } from './dials.ts'
import type { Plan } from './plan.ts'
import type { Scoreboard } from './scoreboard.ts'
import type { SoakResult } from './soak.ts'
import type { Vitals } from './vitals.ts'

const MB = 2 ** 20
/** The line that a soak prints now and then. */
export function liveLine(atMs: number, scoreboard: Scoreboard, vitals: readonly Vitals[]): string {
  const parts = [
    `${seconds(atMs)}  reads ${whole(scoreboard.reads)}`,
    `writes ${whole(scoreboard.sum(({ writes }) => writes))}`,
    `violations ${scoreboard.violations}`,
    `worst ${scoreboard.worstStalenessMs.toFixed(1)} ms`,
    `from ${shares(scoreboard)}`,
    `p99 of L1 ${scoreboard.max(({ calmL1Call }) => calmL1Call.p99)} µs`,
    `heap ${vitals.map(({ heapBytes }) => (heapBytes / MB).toFixed(0)).join(' / ') || '-'} MB`,
    `faults ${scoreboard.faults}`,
  ]
  return parts.join('   ')
}

export function faultLine(atMs: number, description: string): string {
  return `${seconds(atMs)}  ${description}`
}

export function agreedLine(atMs: number, { tookMs, against }: Agreement): string {
  const how =
    tookMs === undefined ? `not agreed: ${against.join(', ')}` : `all agree after ${tookMs.toFixed(0)} ms`
  return `${seconds(atMs)}  no more faults; ${how}`
}

/** What the run proved, in lines; the first one is the figure to publish. */
export function summarize(result: SoakResult, plan: Plan): readonly string[] {
  const { scoreboard, agreed, leaks, evidence } = result
  const { reads, violations } = scoreboard
  const bound =
    violations === 0 && reads > 0 ? ` (fewer than ${(3 / reads).toExponential(1)} of reads: 3/M)` : ''
  const writes = scoreboard.sum((progress) => progress.writes)
  const lines = [
    `writes ${whole(writes)}, reads ${whole(reads)}, violations ${violations}${bound}, ` +
      `worst staleness ${scoreboard.worstStalenessMs.toFixed(2)} ms, seed ${plan.seed}`,
    `faults ${scoreboard.faults}; answers from ${shares(scoreboard)}`,
    `longest answer ${scoreboard.max(({ answerMsWorst }) => answerMsWorst).toFixed(0)} ms; ` +
      `failed by the database ${whole(scoreboard.sum(({ databaseFailures }) => databaseFailures))} ` +
      `(${whole(scoreboard.sum(({ calmFailures }) => calmFailures))} in calm time), ` +
      `writes refused ${whole(scoreboard.sum(({ refusedWrites }) => refusedWrites))}, ` +
      `invalidations queued ${whole(scoreboard.sum(({ queued }) => queued))}, ` +
      `calls not made ${whole(scoreboard.sum(({ shed }) => shed))}`,
    ...scoreboard.processes.map(
      ([name, { calmL1, calmL1Call, all }]) =>
        `${name}: hits of L1 in calm time ${whole(calmL1.count)}, p99 ${calmL1Call.p99} µs of the call, ${calmL1.p99} µs from when it was due (p50 ${calmL1.p50}); ` +
        `all calls p50 ${all.p50} µs, p99 ${(all.p99 / 1000).toFixed(1)} ms, longest ${(all.max / 1000).toFixed(0)} ms`,
    ),
    ...leaks.map(
      ({ name, heap, heapMb, isJudged }) =>
        `${name}: heap ${heapMb.toFixed(0)} MB, ${heap.perX.toFixed(2)} ± ${heap.error.toFixed(2)} MB a minute${isJudged ? '' : ' (too short a run to be judged)'}`,
    ),
  ]
  if (agreed?.tookMs !== undefined) {
    lines.push(`all processes agreed with the database ${agreed.tookMs.toFixed(0)} ms after the last fault`)
  }
  if (evidence !== undefined) lines.push(`the history of the violations is in ${evidence}`)
  return lines
}

/** Why the run is not good, in lines; none: it is. */
export function faultsFound(result: SoakResult, { l1HitP99MsMax }: Plan): readonly string[] {
  const { scoreboard, agreed, leaks, keysWithoutTtl, unrest } = result
  const found: string[] = [...scoreboard.crashes, ...scoreboard.findings]
  for (const [name, { late, lateCalls, failures, failed, calmL1Call }] of scoreboard.processes) {
    if (late > 0) found.push(`${name}: ${late} answers beyond their bound: ${lateCalls.join('; ')}`)
    if (failures > 0) found.push(`${name}: ${failures} calls failed: ${failed.join('; ')}`)
    if (calmL1Call.p99 > l1HitP99MsMax * 1000)
      found.push(
        `${name}: p99 of L1 hits is ${calmL1Call.p99} µs, and at most ${l1HitP99MsMax} ms is promised`,
      )
  }
  found.push(...unrest, ...leaks.flatMap(({ findings }) => findings))
  if (keysWithoutTtl.length > 0) found.push(`names in Redis without expiry: ${keysWithoutTtl.join(', ')}`)
  if (agreed !== undefined && agreed.tookMs === undefined) {
    found.push(
      `no agreement with the database ${AGREE_MS_MAX} ms after the last fault: ${agreed.against.join(', ')}`,
    )
  }
  return found
}

function shares(scoreboard: Scoreboard): string {
  const sources = ['l1', 'l2', 'loader', 'stale'] as const
  const counts = sources.map((source) => scoreboard.sum((progress) => progress.sources[source]))
  const total = Math.max(
    1,
    counts.reduce((sum, count) => sum + count, 0),
  )
  return sources.map((source, i) => `${source} ${((100 * (counts[i] ?? 0)) / total).toFixed(1)} %`).join(' ')
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(7)} s`
}

function whole(count: number): string {
  return count.toLocaleString('en-US')
}
