import type { RowResult } from '../run-row.ts'
import { cellsOf, verdictText } from './row-lines.ts'

/** All rows as Markdown, under the lines that say where and how they were measured. */
export function markdownReport(headLines: readonly string[], results: readonly RowResult[]): string {
  return `${[headLines.map((line) => `- ${line}`).join('\n'), ...results.map(rowSection)].join('\n\n')}\n`
}

function rowSection(result: RowResult): string {
  const { row, failures, verdicts } = result
  const [heading = [], ...lines] = cellsOf(result)
  const table = [heading, heading.map((_, column) => (column === 0 ? '---' : '---:')), ...lines]
  const notes = [
    ...verdicts.map(verdictText),
    ...[...failures].map(([contender, why]) => `${contender} did not run: ${why.split('\n')[0]}`),
  ]
  return [
    `### ${row.title}`,
    table.map((line) => `| ${line.join(' | ')} |`).join('\n'),
    notes.map((note) => `- ${note}`).join('\n'),
  ].join('\n\n')
}
