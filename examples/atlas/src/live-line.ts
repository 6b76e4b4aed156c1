import type { Latency, Second } from './meter.ts'

/** What the live line says, for whoever sees it for the first time. */
export const LEGEND =
  'Each second: requests, hits by tier, database queries, and median/p99 in ms of hits and misses.'

/** One second of one node or of several, as a line that a terminal of 80 columns holds. */
export function formatSecond(second: Second): string {
  const reads = second.l1Hits + second.l2Hits + second.misses
  const share = (hits: number): string => (reads === 0 ? '–' : `${((100 * hits) / reads).toFixed(1)} %`)
  return [
    `${count(second.requests)} req/s`,
    `L1 ${share(second.l1Hits)} L2 ${share(second.l2Hits)}`,
    `${count(second.queries)} db/s`,
    `ms hit ${formatLatency(second.hits)} miss ${formatLatency(second.missed)}`,
  ].join(' | ')
}

/** Several nodes as one: counts add up, and of percentiles, which do not, the worst is told. */
export function sumSeconds(seconds: readonly Second[]): Second {
  const sum = (of: (second: Second) => number): number => seconds.reduce((total, s) => total + of(s), 0)
  return {
    requests: sum((s) => s.requests),
    l1Hits: sum((s) => s.l1Hits),
    l2Hits: sum((s) => s.l2Hits),
    misses: sum((s) => s.misses),
    queries: sum((s) => s.queries),
    hits: worst(seconds.map((s) => s.hits)),
    missed: worst(seconds.map((s) => s.missed)),
  }
}

function worst(latencies: readonly Latency[]): Latency {
  return {
    count: latencies.reduce((total, l) => total + l.count, 0),
    p50Ms: Math.max(0, ...latencies.map((l) => l.p50Ms)),
    p99Ms: Math.max(0, ...latencies.map((l) => l.p99Ms)),
  }
}

function formatLatency(latency: Latency): string {
  return latency.count === 0 ? '–' : `${milliseconds(latency.p50Ms)}/${milliseconds(latency.p99Ms)}`
}

function milliseconds(ms: number): string {
  return ms.toFixed(ms < 10 ? 2 : 1)
}

function count(n: number): string {
  return n.toLocaleString('en-US')
}
