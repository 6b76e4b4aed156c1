import type { FaultContender } from './contender.ts'
import type { FaultRow } from './fault-row.ts'
import type { Verdict } from './judge.ts'

/** Rows that were played, each with a verdict per contender. */
export interface FaultTable {
  readonly contenders: readonly FaultContender[]
  readonly lines: readonly FaultLine[]
}

export interface FaultLine {
  readonly row: FaultRow
  /** By the contender's name. */
  readonly verdicts: ReadonlyMap<string, Verdict>
}

const WORDS = { kept: 'kept', broken: 'BROKEN', cannot: '–' } as const

/** One row as text for the terminal. */
export function lineText({ row, verdicts }: FaultLine): string {
  const width = Math.max(...[...verdicts.keys()].map((name) => name.length))
  return [
    '',
    `${row.id}: ${row.fault}`,
    `  promise: ${row.promise}`,
    ...[...verdicts].map(
      ([name, { outcome, text }]) => `  ${name.padEnd(width)}  ${WORDS[outcome].padEnd(6)}  ${text}`,
    ),
  ].join('\n')
}

/** How many promises each contender kept, as text for the terminal. */
export function sumText(table: FaultTable): string {
  return ['', ...table.contenders.map(({ name }) => `${name}: ${sumOf(table, name)}`)].join('\n')
}

/** The rows as a table in Markdown, with a last line of sums. */
export function tableMarkdown(table: FaultTable): string {
  const { contenders, lines } = table
  const names = contenders.map(({ name }) => name)
  const cells = [
    ['', 'fault', 'promise', ...names],
    ['---', '---', '---', ...names.map(() => '---')],
    ...lines.map(({ row, verdicts }) => [
      row.id,
      row.fault,
      row.promise,
      ...names.map((name) => cellOf(verdicts.get(name))),
    ]),
    ['', '', '', ...names.map((name) => `**${sumOf(table, name)}**`)],
  ]
  return cells.map((line) => `| ${line.map(escaped).join(' | ')} |`).join('\n')
}

function cellOf(verdict: Verdict | undefined): string {
  if (verdict === undefined) return ''
  const { outcome, text } = verdict
  if (outcome === 'kept') return `✓ ${text}`
  return outcome === 'broken' ? `**✗** ${text}` : `– ${text}`
}

function sumOf({ lines }: FaultTable, name: string): string {
  const count = (outcome: Verdict['outcome']): number =>
    lines.filter(({ verdicts }) => verdicts.get(name)?.outcome === outcome).length
  const without = count('cannot')
  return `${count('kept')} kept, ${count('broken')} not${without === 0 ? '' : `, ${without} without the means`}`
}

function escaped(cell: string): string {
  return cell.replaceAll('|', '\\|').replaceAll('\n', ' ').replaceAll('<', '&lt;')
}
