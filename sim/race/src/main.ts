/**
 * `npm run race`: the random race of the protocol document on a real Redis, then the mutants. Exit code 1 where a
 * promise was broken or a mutant survived.
 *
 * --short   the form of CI: well under a minute
 * --seed n  (or SEED=n) makes the same random choices again
 * --only s  only scenarios and mutants whose name contains s
 * --json    one object instead of the table
 * --history file  writes the first history that broke a promise, one event a line
 */
import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { hostNow, startRedis } from '@holdfast/testkit'
import { Contest, type Effort, type Outcome } from './contest.ts'
import { provocations, scenarios } from './scenarios.ts'
import { formatTable, summarize } from './table.ts'

const FULL: Effort = { readsMin: 4_500, runMs: 1_500, runsMax: 40 }
const SHORT: Effort = { readsMin: 200, runMs: 300, runsMax: 20 }

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    seed: { type: 'string' },
    only: { type: 'string', default: '' },
    history: { type: 'string' },
  },
})
const seed = Number(values.seed ?? process.env.SEED ?? randomInt(2 ** 31))
if (!Number.isSafeInteger(seed)) throw new TypeError('seed: expected a whole number')

const startMs = hostNow()
const outcomes = await raceAll()
const tookMs = hostNow() - startMs
tell(outcomes, tookMs)
if (outcomes.length === 0 || outcomes.some(({ isGood }) => !isGood)) process.exitCode = 1

async function raceAll(): Promise<readonly Outcome[]> {
  await using server = await startRedis()
  const contest = new Contest(server, values.short ? SHORT : FULL, seed)
  const outcomes: Outcome[] = []
  const add = (outcome: Outcome): void => {
    outcomes.push(outcome)
    if (!values.json) process.stderr.write(outcome.isGood ? '.' : '!')
  }
  for (const scenario of scenarios) {
    if (scenario.name.includes(values.only)) add(await contest.hold(scenario))
  }
  for (const { mutation, scenario: name } of provocations) {
    const scenario = scenarios.find((each) => each.name === name)
    if (scenario === undefined) throw new RangeError(`no scenario is called ${name}`)
    if (`without ${mutation}: ${name}`.includes(values.only)) add(await contest.provoke(scenario, mutation))
  }
  if (!values.json) process.stderr.write('\n')
  return outcomes
}

function tell(outcomes: readonly Outcome[], tookMs: number): void {
  if (values.history !== undefined) {
    const broken = outcomes.find(({ mutation, violations }) => mutation === undefined && violations > 0)
    writeFileSync(
      values.history,
      (broken?.history ?? []).map((event) => `${JSON.stringify(event)}\n`).join(''),
    )
  }
  if (!values.json) {
    console.log(formatTable(outcomes))
    console.log(summarize(outcomes, seed, tookMs))
    return
  }
  const told = outcomes.map(({ history: _, ...outcome }) => outcome)
  console.log(JSON.stringify({ seed, tookMs, outcomes: told }))
}
