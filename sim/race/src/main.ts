/**
 * `npm run race`: the random race of the protocol document on a real Redis, then the mutants. Exit code 1 where a
 * promise was broken or a mutant survived.
 *
 * --short   the form of CI: well under a minute
 * --seed n  (or SEED=n) makes the same random choices again
 * --only s  only scenarios and mutants whose name contains s
 * --json    one object instead of the table
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { hostNow, startRedis } from '@holdfast/testkit'
import { Contest, type Effort, type Outcome } from './contest.ts'
import { provocations, scenarios } from './scenarios.ts'
import { formatTable } from './table.ts'

const FULL: Effort = { readsMin: 6_000, runMs: 2_000, runsMax: 30 }
const SHORT: Effort = { readsMin: 200, runMs: 400, runsMax: 15 }

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    seed: { type: 'string' },
    only: { type: 'string', default: '' },
  },
})
const seed = Number(values.seed ?? process.env.SEED ?? randomInt(2 ** 31))
if (!Number.isSafeInteger(seed)) throw new TypeError('seed: expected a whole number')

// Neither a cache's timers nor an idle server keep a process alive: a race that waits for them alone would just end.
const alive = setInterval(() => {}, 60_000)
const startMs = hostNow()
const outcomes = await raceAll()
const tookMs = hostNow() - startMs
clearInterval(alive)
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
  if (values.json) {
    console.log(JSON.stringify({ seed, tookMs, outcomes }))
    return
  }
  console.log(formatTable(outcomes))
  const sound = outcomes.filter(({ mutation }) => mutation === undefined)
  const reads = sound.reduce((sum, outcome) => sum + outcome.reads, 0)
  const violations = sound.reduce((sum, outcome) => sum + outcome.violations, 0)
  const mutants = outcomes.filter(({ mutation }) => mutation !== undefined)
  const caught = mutants.filter(({ isGood }) => isGood).length
  console.log(
    `\n${reads} reads with all rules on: ${violations} violations (fewer than ${(3 / reads).toExponential(1)} of reads, 95 % confidence)`,
  )
  console.log(`${caught} of ${mutants.length} mutants caught. Seed ${seed}. ${(tookMs / 1000).toFixed(1)} s`)
  for (const { name, mutation, isGood, findings } of outcomes) {
    if (!isGood) console.log(`\n${name}${mutation ?? ''}:\n  ${findings.join('\n  ')}`)
  }
}
