import type { RowResult } from '../run-row.ts'
import { cellsOf, verdictText } from './row-lines.ts'

/** All rows as Markdown, under the lines that say where and how they were measured; with charts where they have any. */
export function markdownReport(
  headLines: readonly string[],
  results: readonly RowResult[],
  chartOf: (result: RowResult) => string | undefined = () => undefined,
): string {
  const sections = results.map((result) => rowSection(result, chartOf(result)))
  return `${[headLines.map((line) => `- ${line}`).join('\n'), ...sections].join('\n\n')}\n`
}

function rowSection(result: RowResult, chart: string | undefined): string {
  const { row, failures, verdicts, load } = result
  const [heading = [], ...lines] = cellsOf(result)
  const table = [heading, heading.map((_, column) => (column === 0 ? '---' : '---:')), ...lines]
  const notes = [
    ...verdicts.map(verdictText),
    ...[...failures].map(([contender, why]) => `${contender} did not run: ${why.split('\n')[0]}`),
    `load average at the end of the row: ${load.toFixed(1)}`,
  ]
  return [
    `### ${row.title}`,
    ...(chart === undefined ? [] : [`![${row.title}](${chart})`]),
    table.map((line) => `| ${line.join(' | ')} |`).join('\n'),
    notes.map((note) => `- ${note}`).join('\n'),
  ].join('\n\n')
}
