import { ANOMALIES } from './anomaly.ts'
import type { HistoryReport } from './check-history.ts'

/**
 * A report as one paragraph for people. Where nothing was violated it tells what that proves: with 95 %
 * confidence at most 3 in M reads (the rule of three; Hanley and Lippman-Hand, JAMA 1983).
 */
export function summarizeReport(report: HistoryReport): string {
  return `${checked(report)} ${violated(report)} ${fresh(report)}`
}

function checked({ events, reads }: HistoryReport): string {
  return `Checked ${whole(reads)} reads in ${whole(events)} events.`
}

function violated({ reads, violations, counts }: HistoryReport): string {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  if (total === 0) {
    const bound = reads === 0 ? 'nothing is proved' : `fewer than ${(3 / reads).toExponential(1)} of reads`
    return `No violation; upper bound 3/M with 95 % confidence: ${bound}.`
  }
  const kinds = [...counts].map(([anomaly, count]) => `${whole(count)} x ${anomaly} (${ANOMALIES[anomaly]})`)
  const first = violations[0]
  const example = first === undefined ? '' : ` The first: ${first.why}, in process ${first.event.process}.`
  return `VIOLATIONS: ${kinds.join('; ')}.${example}`
}

function fresh({ reads, worstStalenessMs, freshness }: HistoryReport): string {
  if (reads === 0) return 'No value was read.'
  if (worstStalenessMs === 0) return 'Every read was fresh.'
  const steps = freshness.map(({ withinMs, nines }) =>
    nines === Number.POSITIVE_INFINITY
      ? `all fresh within ${whole(withinMs)} ms`
      : `${(Math.floor(nines * 10) / 10).toFixed(1)} nines fresh within ${whole(withinMs)} ms`,
  )
  const all = freshness.findIndex(({ nines }) => nines === Number.POSITIVE_INFINITY)
  const told = all < 0 ? steps : steps.slice(0, all + 1)
  return `${told.join(', ')}; the worst was ${worstStalenessMs.toFixed(3)} ms behind.`
}

function whole(count: number): string {
  return count.toLocaleString('en')
}
