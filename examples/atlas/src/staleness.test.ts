import { describe, expect, test } from 'vitest'
import { StalenessChecker, sumVerdicts } from './staleness.ts'

function checker(): StalenessChecker {
  const made = new StalenessChecker()
  made.acknowledge(1, 10)
  made.acknowledge(2, 20)
  made.acknowledge(3, 30)
  return made
}

describe('StalenessChecker', () => {
  test('an answer older than a write acknowledged before the read began is stale', () => {
    const made = checker()
    made.judge(1, 25)
    expect(made.verdict).toEqual({ reads: 1, stale: 1, worstMs: 5 })
  })

  test('staleness counts from the first write that was missed', () => {
    const made = checker()
    made.judge(1, 34)
    made.judge(2, 34)
    expect(made.verdict).toEqual({ reads: 2, stale: 2, worstMs: 14 })
  })

  test('an answer from before a write that was acknowledged after the read began is not stale', () => {
    const made = checker()
    made.judge(1, 15)
    made.judge(1, 20)
    made.judge(3, 99)
    expect(made.verdict).toEqual({ reads: 3, stale: 0, worstMs: 0 })
  })

  test('verdicts add up, and the worst of them stays the worst', () => {
    const sum = sumVerdicts([
      { reads: 5, stale: 1, worstMs: 7 },
      { reads: 3, stale: 2, worstMs: 4 },
    ])
    expect(sum).toEqual({ reads: 8, stale: 3, worstMs: 7 })
  })
})
