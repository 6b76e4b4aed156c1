import type { Outcome } from './contest.ts'

const HEAD = ['', 'reads', 'violations', 'worst ms', 'behind', '3/M', 'seed', 'verdict']

/** One line an outcome. Figures to the right. */
export function formatTable(outcomes: readonly Outcome[]): string {
  const rows = [HEAD, ...outcomes.map(cells)]
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => lineOf(row, widths)).join('\n')
}

function cells(outcome: Outcome): readonly string[] {
  const { name, mutation, reads, violations, worstStalenessMs, behind, seed, isGood } = outcome
  const bound = violations === 0 && reads > 0 ? (3 / reads).toExponential(1) : '-'
  return [
    mutation === undefined ? name : `without ${mutation}: ${name}`,
    String(reads),
    String(violations),
    worstStalenessMs.toFixed(2),
    String(behind),
    bound,
    String(seed),
    verdictOf(mutation !== undefined, isGood),
  ]
}

function verdictOf(isMutant: boolean, isGood: boolean): string {
  if (isMutant) return isGood ? 'caught' : 'SURVIVED'
  return isGood ? 'holds' : 'BROKEN'
}

function lineOf(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, column) =>
      column === 0 || column === row.length - 1
        ? cell.padEnd(widths[column] ?? 0)
        : cell.padStart(widths[column] ?? 0),
    )
    .join('   ')
    .trimEnd()
}
