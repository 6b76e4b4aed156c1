/**
 * `npm run soak -- --minutes 20`: load on two processes and a real Redis under a seeded nemesis, then without faults,
 * judged by the history checker. Exit code 1 where a promise was broken, something crashed, hung or leaked.
 *
 * --minutes n  of the phase with faults. Default 20
 * --liveness s seconds of the phase without faults. Default 120
 * --short      the form of CI: well under a minute
 * --seed n     (or SEED=n, CACHE_SEED=n) makes the same choices again: the same faults at the same times
 * --rate n     calls a second of each process
 * --mutant s   with a rule off: must be caught, by exit code 1. Ends with the first violation
 * --json       one object instead of lines
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { parseMutation } from './mutation.ts'
import { LONG, type Plan, SHORT } from './plan.ts'
import { agreedLine, faultLine, faultsFound, liveLine, summarize } from './report.ts'
import { Soak } from './soak.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    liveness: { type: 'string' },
    short: { type: 'boolean', default: false },
    seed: { type: 'string' },
    rate: { type: 'string' },
    mutant: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})

const plan = planOf()
const tell = (line: string): void => {
  if (!values.json) console.log(line)
}
tell(
  `seed ${plan.seed}: ${plan.safetyMs / 60_000} minutes with faults, then ${plan.livenessMs / 1000} s without`,
)
const result = await Soak.run(plan, {
  fault: (atMs, description) => tell(faultLine(atMs, description)),
  agreed: (atMs, agreed) => tell(agreedLine(atMs, agreed)),
  progress: (atMs, scoreboard, vitals) => tell(liveLine(atMs, scoreboard, vitals)),
})
const found = faultsFound(result, plan)
if (values.json) {
  const { scoreboard, agreed, isComplete } = result
  const { reads, violations, faults, worstStalenessMs } = scoreboard
  const writes = scoreboard.sum((progress) => progress.writes)
  console.log(
    JSON.stringify({
      seed: plan.seed,
      writes,
      reads,
      violations,
      worstStalenessMs,
      faults,
      agreedMs: agreed?.tookMs,
      isComplete,
      found,
    }),
  )
} else {
  for (const line of ['', ...summarize(result, plan), ...found.map((each) => `BROKEN: ${each}`)])
    console.log(line)
  console.log(found.length === 0 ? 'holds' : `broken; the same again: SEED=${plan.seed}`)
}
if (found.length > 0) process.exitCode = 1

function planOf(): Plan {
  const base = values.short ? SHORT : LONG
  const minutes = numberOf('minutes', values.minutes, base.safetyMs / 60_000)
  return {
    ...base,
    seed: wholeOf('seed', values.seed ?? process.env.SEED ?? process.env.CACHE_SEED),
    safetyMs: minutes * 60_000,
    livenessMs: numberOf('liveness', values.liveness, base.livenessMs / 1000) * 1000,
    callsPerSecond: numberOf('rate', values.rate, base.callsPerSecond),
    mutation: values.mutant === undefined ? undefined : parseMutation(values.mutant),
  }
}

function wholeOf(name: string, text: string | undefined): number {
  return numberOf(name, text, randomInt(2 ** 31))
}

function numberOf(name: string, text: string | undefined, otherwise: number): number {
  const number = text === undefined ? otherwise : Number(text)
  if (text === '' || !Number.isFinite(number) || number < 0)
    throw new TypeError(`--${name}: expected a number, got ${text}`)
  return number
}
