/**
 * `npm run bench`: Holdfast side by side with its peers on a real Redis of its own. Every contender runs in fresh
 * processes, in turns; the tables show medians and ratios, and whether the design's targets were met. Exit code 1
 * where ours did not run or answered anything wrong.
 *
 * --only s        only rows whose name contains s
 * --runs n        fresh processes per contender (5)
 * --quick         3 shorter runs
 * --smoke         1 tiny run: whether everything works, no numbers worth reading
 * --markdown FILE the tables as Markdown
 * --svg DIR       a bar chart a row
 * --docs          writes docs/bench: the targets, every row with its table, and the charts
 * --json          one object instead of the tables
 * --profile DIR   only our own contenders, each run with a CPU profile
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { startRedis } from '@holdfast/testkit'
import { type BenchOptions, readOptions } from './bench-options.ts'
import { stayAlive } from './clock.ts'
import { installPeers } from './install-peers.ts'
import { describeMachine, loadAverage, loadWarning, type Machine, machineLine, peersLine } from './machine.ts'
import { memcachedVersion } from './memory/metered-memcached.ts'
import { barChart } from './report/bar-chart.ts'
import { benchDocuments } from './report/bench-documents.ts'
import { consoleTable } from './report/console-table.ts'
import { jsonReport } from './report/json-report.ts'
import { markdownReport } from './report/markdown.ts'
import type { Row } from './row.ts'
import { rows } from './rows.ts'
import { type RowResult, runRow } from './run-row.ts'

const DOCUMENTS = join(import.meta.dirname, '../../docs/bench')
const options = readOptions(process.argv.slice(2))
const chosen = rows.filter(({ name }) => name.includes(options.only))
if (chosen.length === 0) {
  throw new TypeError(`--only: no such row; known are ${rows.map(({ name }) => name).join(', ')}`)
}
const letGo = stayAlive()
const trouble = installPeers(progress)
if (trouble !== undefined) say(`!! ${trouble}`)
const { machine, headLines, results } = await measureAll(chosen)
letGo()
writeReports(machine, headLines, results)
if (results.some(({ row, medians }) => !medians.has(row.contenders[0]))) process.exitCode = 1

async function measureAll(
  selected: readonly Row[],
): Promise<{ machine: Machine; headLines: readonly string[]; results: readonly RowResult[] }> {
  await using server = await startRedis()
  const redisVersion = (await server.info('server')).redis_version ?? 'unknown'
  const machine = describeMachine(redisVersion, await memcachedVersion())
  const startLoad = loadAverage()
  const headLines = [machineLine(machine), peersLine(machine), howMeasured(options, startLoad)]
  const warning = loadWarning(startLoad, machine.cores)
  if (warning !== undefined) headLines.push(`WARNING: ${warning}`)
  for (const line of headLines) say(line)
  const results: RowResult[] = []
  for (const row of selected) {
    const result = await runRow(row, server, options.effort, options.profileFolder, (contender, run) =>
      progress(`${row.name}: run ${run} of ${options.effort.runs}, ${contender}`),
    )
    clearProgress()
    say(consoleTable(result))
    results.push(result)
  }
  return { machine, headLines, results }
}

function howMeasured({ effort, effortName }: BenchOptions, load: number): string {
  const isNoise = effortName === 'smoke' ? '; a smoke run, its numbers mean nothing' : ''
  return `medians of ${effort.runs} fresh processes per contender, in turns; load average at the start ${load.toFixed(1)}${isNoise}`
}

function writeReports(on: Machine, headLines: readonly string[], results: readonly RowResult[]): void {
  const { json, markdownFile, svgFolder, isDocumented } = options
  if (json) process.stdout.write(`${jsonReport(on, options.effort, results)}\n`)
  if (markdownFile !== undefined) writeFileSync(resolve(markdownFile), markdownReport(headLines, results))
  if (svgFolder !== undefined) writeCharts(resolve(svgFolder), results)
  if (!isDocumented) return
  writeCharts(DOCUMENTS, results)
  const asked = process.argv.slice(2).join(' ')
  for (const { name, text } of benchDocuments(asked, headLines, results)) {
    writeFileSync(join(DOCUMENTS, name), text)
  }
}

function writeCharts(folder: string, results: readonly RowResult[]): void {
  mkdirSync(folder, { recursive: true })
  for (const result of results) writeFileSync(join(folder, `${result.row.name}.svg`), barChart(result))
}

/** With --json, standard output holds nothing else. */
function say(line: string): void {
  if (options.json) console.error(line)
  else console.log(line)
}

function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`)
}

function clearProgress(): void {
  progress('')
}
