import type { Metric } from '../row.ts'
import type { RowResult, Verdict } from '../run-row.ts'
import { CPU } from '../targets.ts'

/** The cells of a row's table: its heading, then a line per contender that ran, ours first. */
export function cellsOf({ row, medians }: RowResult): string[][] {
  const compared = [row.metrics[0], ...row.metrics.filter(({ name }) => name === CPU)]
  const comparisons = compared.map((metric) => (metric.name === CPU ? 'by CPU' : 'holdfast is'))
  const ours = medians.get(row.contenders[0])
  const lines = [...medians].map(([contender, numbers]) => [
    contender,
    ...row.metrics.map(({ name, digits }) => formatNumber(numbers[name] ?? Number.NaN, digits)),
    ...compared.map((metric) => comparison(metric, ours?.[metric.name], numbers[metric.name])),
  ])
  return [['', ...row.metrics.map(({ title }) => title), ...comparisons], ...lines]
}

/** A target and whether it was met, on one line. */
export function verdictText(verdict: Verdict): string {
  if (verdict.value === undefined) return `target ${verdict.text}: not measured`
  return `target ${verdict.text}: ${valueText(verdict)}, ${wordOf(verdict)}`
}

/** What was measured against a target. */
export function valueText({ value, byCpu, isRatio }: Verdict): string {
  if (value === undefined) return ''
  const cpu = byCpu === undefined ? '' : ` (${byCpu.toFixed(2)} × by CPU)`
  return `${value.toFixed(2)}${isRatio ? ' ×' : ''}${cpu}`
}

/** Whether a target was met, in a word. */
export function wordOf({ isMet }: Verdict): string {
  if (isMet === undefined) return 'not measured'
  return isMet ? 'met' : 'NOT MET'
}

export function formatNumber(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** How many times better ours is than this contender, by one metric. */
function comparison({ better }: Metric, ours: number | undefined, theirs: number | undefined): string {
  // Nothing is no times anything.
  if (ours === undefined || theirs === undefined || ours === theirs || ours <= 0 || theirs <= 0) return ''
  const times = better === 'more' ? ours / theirs : theirs / ours
  return times >= 1 ? `${times.toFixed(2)} × better` : `${(1 / times).toFixed(2)} × worse`
}

/** What a metric counts, for headings of charts. */
export function metricText({ title, better }: Metric): string {
  return `${title} (${better} is better)`
}
