/**
 * `npm run faults`: the same faults for Holdfast and its peers, on a real Redis behind a faulty network, each judged by
 * what a caller sees. Exit code 1 where ours did not keep a promise.
 *
 * --only F8,F13         only these rows
 * --contenders a,b      only these contenders; `bentocache (guide)` and its like are known, too
 * --smoke               small herds and short faults: whether everything works
 * --json                verdicts as JSON instead of text
 * --docs                everything, and docs/concepts/faults.md is written
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { startRedis } from '@holdfast/testkit'
import { stayAlive } from '../clock.ts'
import { installPeers } from '../install-peers.ts'
import { describeMachine, loadAverage, loadWarning, machineLine, peersLine } from '../machine.ts'
import type { FaultContender } from './contender.ts'
import { guideContenders } from './contenders.ts'
import { readFaultOptions } from './fault-options.ts'
import type { FaultRow } from './fault-row.ts'
import { type FaultLine, type FaultTable, lineText, sumText } from './fault-table.ts'
import { faultsDocument } from './faults-document.ts'
import type { Verdict } from './judge.ts'
import { playRow } from './play-row.ts'

const PEERS: readonly string[] = [
  'bentocache',
  'cacheable',
  '@keyv/redis',
  '@qified/redis',
  'layered-loader',
  'ioredis',
]
const DOCUMENT = join(import.meta.dirname, '../../../docs/concepts/faults.md')
/** Rows that settings against faults are about; in the rest, both ways to set a library up come to the same. */
const GUIDE_ROWS: readonly string[] = ['F1', 'F2', 'F3', 'F5', 'F7', 'F8', 'F12', 'F13']

const { rows, contenders, scale, isSmoke, isJson, isDocumented } = readFaultOptions(process.argv.slice(2))
const letGo = stayAlive()
const trouble = installPeers(say)
if (trouble !== undefined) say(`!! ${trouble}`)
const headLines = await describe()
for (const line of headLines) say(line)
const table = await playAll(rows, contenders)
say(sumText(table))
if (isJson) process.stdout.write(`${json(table)}\n`)
if (isDocumented) {
  const byGuide = await playAll(
    rows.filter(({ id }) => GUIDE_ROWS.includes(id)),
    guideContenders,
  )
  mkdirSync(dirname(DOCUMENT), { recursive: true })
  writeFileSync(DOCUMENT, faultsDocument(headLines, table, byGuide))
}
letGo()
if (table.lines.some(({ verdicts }) => verdicts.get('holdfast')?.outcome === 'broken')) process.exitCode = 1

async function describe(): Promise<readonly string[]> {
  await using server = await startRedis()
  const machine = describeMachine((await server.info('server')).redis_version ?? 'unknown')
  const load = loadAverage()
  const warning = loadWarning(load, machine.cores)
  return [
    machineLine(machine),
    peersLine(machine, PEERS),
    `load average at the start ${load.toFixed(1)}${isSmoke ? '; a smoke run: small herds, short faults' : ''}`,
    ...(warning === undefined ? [] : [`WARNING: ${warning}`]),
  ]
}

/** One row after the other, and in it one contender after the other: none competes with another for the machine. */
async function playAll(played: readonly FaultRow[], by: readonly FaultContender[]): Promise<FaultTable> {
  const lines: FaultLine[] = []
  for (const row of played) {
    const verdicts = new Map<string, Verdict>()
    for (const contender of by) verdicts.set(contender.name, await playRow(row, contender, scale))
    const line = { row, verdicts }
    say(lineText(line))
    lines.push(line)
  }
  return { contenders: by, lines }
}

function json({ lines }: FaultTable): string {
  const plain = lines.map(({ row: { id, fault, promise }, verdicts }) => ({
    id,
    fault,
    promise,
    verdicts: Object.fromEntries(verdicts),
  }))
  return JSON.stringify(plain, undefined, 2)
}

/** With --json, standard output holds nothing else. */
function say(line: string): void {
  if (isJson) console.error(line)
  else console.log(line)
}
