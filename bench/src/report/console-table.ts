import type { RowResult } from '../run-row.ts'
import { cellsOf, verdictText } from './row-lines.ts'

/** A row as text for the terminal. */
export function consoleTable(result: RowResult): string {
  const { row, failures, verdicts, load } = result
  const cells = cellsOf(result)
  const widths =
    cells[0]?.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0))) ?? []
  const lines = cells.map((line) =>
    line
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  )
  return [
    '',
    `${row.name}: ${row.title} (load ${load.toFixed(1)})`,
    ...lines.map((line) => `  ${line.trimEnd()}`),
    ...[...failures].map(([contender, why]) => `  !! ${contender} DID NOT RUN: ${why.split('\n')[0]}`),
    ...verdicts.map((verdict) => `  ${verdictText(verdict)}`),
  ].join('\n')
}
