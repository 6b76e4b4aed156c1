import { Dice } from '@holdfast/race/dice'
import { describe, expect, test } from 'vitest'
import { FAULT_KINDS, type PlannedFault, planFaults } from './fault-plan.ts'
import { LONG } from './plan.ts'

function first(count: number, seed: number): readonly PlannedFault[] {
  const faults = planFaults(new Dice(seed, 'nemesis'), LONG)
  return Array.from({ length: count }, () => faults.next().value)
}

describe('a schedule of faults', () => {
  test('is the same for the same seed, and another one for another', () => {
    expect(first(50, 7)).toEqual(first(50, 7))
    expect(first(50, 8)).not.toEqual(first(50, 7))
  })

  test('keeps to the times of the plan', () => {
    for (const { gapMs, holdMs, app } of first(500, 3)) {
      expect(gapMs).toBeGreaterThanOrEqual(LONG.gapMs.min)
      expect(gapMs).toBeLessThanOrEqual(LONG.gapMs.max)
      expect(holdMs).toBeLessThanOrEqual(LONG.holdMsMax)
      expect(app).toBeLessThan(LONG.apps)
    }
  })

  test('brings every kind in the time of a long soak', () => {
    const kinds = new Set(first(120, 11).map(({ kind }) => kind))
    expect([...kinds].sort()).toEqual([...FAULT_KINDS].sort())
  })
})
