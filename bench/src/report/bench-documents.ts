import type { RowResult } from '../run-row.ts'
import { markdownReport } from './markdown.ts'
import { valueText, wordOf } from './row-lines.ts'

/** A page of docs/bench. */
export interface BenchDocument {
  readonly name: string
  readonly text: string
}

/**
 * What docs/bench shows: a page of targets on one screen, and a page with every row, its chart and its table.
 * `options`: of the command that measured it.
 */
export function benchDocuments(
  options: string,
  headLines: readonly string[],
  results: readonly RowResult[],
): readonly BenchDocument[] {
  const written = `Written by \`npm run bench -- ${options}\`; nothing in it is typed by hand.`
  const summary = `# Beside its peers

${written} [Every row with its chart](results.md);
how it measures is said in the [README of bench](../../bench/README.md), and what happens when something breaks in
[faults.md](../concepts/faults.md).

${headLines.map((line) => `- ${line}`).join('\n')}

${targetTable(results)}
`
  const details = `# Beside its peers: every row

${written} [The targets alone](README.md).

${markdownReport(headLines, results, ({ row }) => `${row.name}.svg`)}`
  return [
    { name: 'README.md', text: summary },
    { name: 'results.md', text: details },
  ]
}

function targetTable(results: readonly RowResult[]): string {
  const lines = results.flatMap(({ row, verdicts }) =>
    verdicts.map((verdict) => [row.title, verdict.text, valueText(verdict), wordOf(verdict)]),
  )
  const table = [['row', 'target', 'measured', ''], ['---', '---', '---:', '---'], ...lines]
  return table.map((line) => `| ${line.join(' | ')} |`).join('\n')
}
