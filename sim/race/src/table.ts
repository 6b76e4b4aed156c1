import type { Outcome } from './contest.ts'

const HEAD = ['reads', 'violations', 'worst ms', 'behind', '3/M', 'seed', 'verdict']

/** One line an outcome, below the name of the store. Figures to the right. */
export function formatTable(store: string, outcomes: readonly Outcome[]): string {
  const head = [store, ...HEAD]
  const rows = [head, ...outcomes.map(cells)]
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => lineOf(row, widths)).join('\n')
}

function cells(outcome: Outcome): readonly string[] {
  const { name, mutation, reads, violations, worstStalenessMs, behind, seed, isGood } = outcome
  const bound = violations === 0 && reads > 0 ? (3 / reads).toExponential(1) : '-'
  return [
    labelOf(name, mutation),
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

/** What the table adds up to, and the first findings of each line that is not good. */
export function summarize(outcomes: readonly Outcome[], seed: number, tookMs: number): string {
  const sound = outcomes.filter(({ mutation }) => mutation === undefined)
  const mutants = outcomes.filter(({ mutation }) => mutation !== undefined)
  const reads = sound.reduce((sum, outcome) => sum + outcome.reads, 0)
  const violations = sound.reduce((sum, outcome) => sum + outcome.violations, 0)
  const bound =
    violations === 0 && reads > 0 ? `, fewer than ${(3 / reads).toExponential(1)} of reads (3/M)` : ''
  const caught = mutants.filter(({ isGood }) => isGood).length
  const bad = outcomes.filter(({ isGood }) => !isGood)
  return [
    'behind: fresh answers older than an acknowledged invalidation; with all rules on only where L1 is told late or of nothing, within Δ',
    `all rules on: ${reads} reads, ${violations} violations${bound}`,
    `one rule off: ${caught} of ${mutants.length} mutants caught`,
    `SEED=${seed}, ${(tookMs / 1000).toFixed(1)} s`,
    ...bad.map(({ store, name, mutation, findings }) =>
      [`${store}, ${labelOf(name, mutation)}:`, ...findings].join('\n  '),
    ),
  ].join('\n')
}

function labelOf(name: string, mutation: string | undefined): string {
  return mutation === undefined ? name : `without ${mutation}: ${name}`
}
