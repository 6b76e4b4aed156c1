/** Three real servers under a nemesis, judged against G1; each rule once more switched off, which must be found. */
import { type HistoryReport, SEED, seeded } from '@holdfast/testkit'
import { describe, expect, test } from 'vitest'
import type { PoolRules } from './pool-rules.ts'
import { type ChaosOptions, chaos } from './testing/chaos.ts'

// LONG=1: minutes in place of a second.
const LONG = process.env.LONG === '1'
const ROUND_MS = 1_000
const RUN_MS = LONG ? 120_000 : ROUND_MS
const TEST_MS = LONG ? 600_000 : 120_000
// A mutant is looked for so often: the rarest is found in one round of four, and missed in one run of ten thousand.
const ROUNDS_MAX = 32

const random = seeded(SEED)

function play(
  danger: Partial<ChaosOptions>,
  forMs: number,
  rules: Partial<PoolRules> = {},
): Promise<HistoryReport> {
  return chaos({ forMs, random, rules, faults: false, gutter: false, listChanges: false, ...danger })
}

const dangers = {
  'servers and ways that break, and a gutter': { faults: true, gutter: true },
  'a list that changes': { listChanges: true },
  'all of it': { faults: true, gutter: true, listChanges: true },
}

describe(`with seed ${SEED}: nobody reads what was invalidated before`, () => {
  test.each(Object.entries(dangers))(
    '%s',
    async (_, danger) => {
      const report = await play(danger, RUN_MS)
      expect(report.violations).toEqual([])
      expect(report.reads).toBeGreaterThan(100)
    },
    TEST_MS,
  )
})

// That the ring before is not sealed is found in list-change.server.test.ts, and that a ring does not wait in
// two-rings.server.test.ts: here each process tells so much that it soon hears of another's record by itself.
const mutants: Readonly<Record<string, readonly [Partial<ChaosOptions>, Partial<PoolRules>]>> = {
  'nobody heeds a seal': [{ listChanges: true }, { heedsSeal: false }],
  'the gutter is not told': [{ faults: true, gutter: true }, { tellsGutter: false }],
  'what is owed is forgotten': [{ faults: true }, { remembers: false }],
}

describe(`with seed ${SEED}: it is found that`, () => {
  test.each(Object.entries(mutants))(
    '%s',
    async (_, [danger, rules]) => {
      for (let round = 0; round < ROUNDS_MAX; round++) {
        if ((await play(danger, ROUND_MS, rules)).violations.length > 0) return
      }
      expect.fail('it was not found')
    },
    TEST_MS,
  )
})
