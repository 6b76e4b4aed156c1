/**
 * `npm run race`: the random race of the protocol document on real servers, then the mutants. Exit code 1 where a
 * promise was broken or a mutant survived.
 */
import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { hostNow } from '@holdfast/testkit'
import { Contest, type Effort, type Outcome } from './contest.ts'
import { STORES, type StoreName } from './shared-tier.ts'
import { storeKinds } from './store-kinds.ts'
import { formatTable, summarize } from './table.ts'

const HELP = `npm run race -- [options]
Races reads, loads and writes on real servers, with all rules on: nothing may break; then with one off: something must.

  --store s       ${STORES.join(' or ')}: only on that shared tier. Default: on each in turn
  --short         the form of CI: without the races that take seconds each
  --seed n        (or SEED=n) makes the same random choices again
  --only s        only scenarios and mutants whose name contains s
  --json          one object instead of the tables
  --history file  writes the first history that broke a promise, one event a line
  --help          this
`
const FULL: Effort = { readsMin: 4_500, runMs: 1_500, runsMax: 40 }
const SHORT: Effort = { readsMin: 200, runMs: 300, runsMax: 20 }

const { values } = parseArgs({
  options: {
    store: { type: 'string' },
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    seed: { type: 'string' },
    only: { type: 'string', default: '' },
    history: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) console.log(HELP)
else await race()

async function race(): Promise<void> {
  const seed = Number(values.seed ?? process.env.SEED ?? randomInt(2 ** 31))
  if (!Number.isSafeInteger(seed)) throw new TypeError('seed: expected a whole number')
  const stores = STORES.filter((store) => values.store === undefined || store === values.store)
  if (stores.length === 0) throw new TypeError(`store: expected ${STORES.join(' or ')}, got ${values.store}`)
  const all: Outcome[] = []
  const startMs = hostNow()
  for (const store of stores) {
    const outcomes: Outcome[] = []
    // What was run is told, too, where a later run could not be.
    await raceOn(store, seed, outcomes).finally(() => tell(store, outcomes))
    all.push(...outcomes)
  }
  const tookMs = hostNow() - startMs
  if (values.json) console.log(JSON.stringify({ seed, tookMs, outcomes: all.map(withoutHistory) }))
  else console.log(summarize(all, seed, tookMs))
  if (values.history !== undefined) writeHistory(values.history, all)
  if (all.length === 0 || all.some(({ isGood }) => !isGood)) process.exitCode = 1
}

async function raceOn(store: StoreName, seed: number, outcomes: Outcome[]): Promise<void> {
  const { scenarios, provocations } = storeKinds[store].races
  await using tier = await storeKinds[store].start()
  const contest = new Contest(store, tier, values.short ? SHORT : FULL, seed)
  const add = (outcome: Outcome): void => {
    outcomes.push(outcome)
    if (!values.json) process.stderr.write(outcome.isGood ? '.' : '!')
  }
  for (const scenario of scenarios) {
    if (values.short && scenario.isLong === true) continue
    if (scenario.name.includes(values.only)) add(await contest.hold(scenario))
  }
  for (const { mutation, scenario: name } of provocations) {
    const scenario = scenarios.find((each) => each.name === name)
    if (scenario === undefined) throw new RangeError(`no scenario is called ${name}`)
    if (`without ${mutation}: ${name}`.includes(values.only)) add(await contest.provoke(scenario, mutation))
  }
}

function tell(store: StoreName, outcomes: readonly Outcome[]): void {
  if (values.json || outcomes.length === 0) return
  process.stderr.write('\n')
  console.log(`${formatTable(store, outcomes)}\n`)
}

function withoutHistory({ history: _, ...outcome }: Outcome): Omit<Outcome, 'history'> {
  return outcome
}

function writeHistory(file: string, outcomes: readonly Outcome[]): void {
  const broken = outcomes.find(({ mutation, violations }) => mutation === undefined && violations > 0)
  writeFileSync(file, (broken?.history ?? []).map((event) => `${JSON.stringify(event)}\n`).join(''))
}
