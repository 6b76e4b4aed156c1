import { expect, test } from 'vitest'
import { rows } from '../rows.ts'
import type { RowResult } from '../run-row.ts'
import { benchDocuments } from './bench-documents.ts'

const README_LINES_MAX = 150

/** Every row, as if each contender had measured the same. */
const results: readonly RowResult[] = rows.map((row) => {
  const numbers = Object.fromEntries(row.metrics.map(({ name }) => [name, 2]))
  const medians = new Map(row.contenders.map((contender) => [contender, numbers]))
  const verdicts = row.targets.map(({ text, isRatio, value }) => ({
    text,
    isRatio,
    value: value(medians),
    byCpu: undefined,
    isMet: row.name !== 'herd',
  }))
  return { row, samples: new Map(), medians, failures: new Map(), verdicts, load: 1 }
})

test('the page of targets holds each of them, and stays within a sitting', () => {
  const [summary] = benchDocuments('--docs', ['2 cores'], results)
  expect(summary?.name).toBe('README.md')
  const lines = summary?.text.split('\n') ?? []
  expect(lines.length).toBeLessThanOrEqual(README_LINES_MAX)
  expect(lines).toContain('- 2 cores')
  for (const { row, verdicts } of results) {
    const ofRow = lines.filter((line) => line.startsWith(`| ${row.title} |`))
    expect(ofRow).toHaveLength(verdicts.length)
    for (const line of ofRow) expect(line).toContain(row.name === 'herd' ? '| NOT MET |' : '| met |')
  }
})

test('the page of rows shows the chart and the table of each', () => {
  const [, details] = benchDocuments('--docs', ['2 cores'], results)
  for (const { row } of results) {
    expect(details?.text).toContain(`### ${row.title}\n\n![${row.title}](${row.name}.svg)\n\n|`)
    for (const contender of row.contenders) expect(details?.text).toContain(`| ${contender} |`)
  }
})
