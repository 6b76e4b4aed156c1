import type { Machine } from '../machine.ts'
import type { Effort } from '../row.ts'
import type { RowResult } from '../run-row.ts'

/** Everything that was measured, every single run included, as JSON. */
export function jsonReport(machine: Machine, effort: Effort, results: readonly RowResult[]): string {
  const rows = results.map(({ row, medians, samples, failures, verdicts, load }) => ({
    name: row.name,
    title: row.title,
    loadAverage: load,
    medians: Object.fromEntries(medians),
    samples: Object.fromEntries(samples),
    failures: Object.fromEntries(failures),
    targets: verdicts,
  }))
  return JSON.stringify({ machine, effort, rows }, undefined, 2)
}
