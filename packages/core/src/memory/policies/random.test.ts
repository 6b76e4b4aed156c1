import { describe, expect, test } from 'vitest'
import type { Clock } from '../../clock.ts'
import { NO_SLOT } from '../policy.ts'
import { Random } from './random.ts'

function clockWith(random: () => number): Clock {
  return { now: () => 0, wallNow: () => 0, random, after: () => ({ cancel: () => {} }), token: () => '' }
}

describe('random', () => {
  test('chooses each held slot for an equal part of the range of Clock.random', () => {
    const slots = 50
    let at = 0
    const random = new Random(clockWith(() => at))
    expect(random.victim()).toBe(NO_SLOT)
    random.reserve(slots)
    for (let slot = 0; slot < slots; slot++) random.added(slot)
    // Gaps at the front, in the middle and at the end, one of them filled again.
    for (const slot of [0, 20, 49, 48]) random.removed(slot)
    random.added(20)
    const held = slots - 3
    const chosen = new Map<number, number>()
    for (let step = 0; step < held * 10; step++) {
      at = (step + 0.5) / (held * 10)
      const slot = random.victim()
      chosen.set(slot, (chosen.get(slot) ?? 0) + 1)
    }
    const expected = Array.from({ length: slots }, (_, slot) => slot).filter((s) => ![0, 48, 49].includes(s))
    expect([...chosen.keys()].sort((a, b) => a - b)).toEqual(expected)
    expect(new Set(chosen.values())).toEqual(new Set([10]))
  })

  test('stays within the held slots at both ends of the range', () => {
    for (const at of [0, 1 - Number.EPSILON / 2]) {
      const random = new Random(clockWith(() => at))
      random.reserve(3)
      random.added(2)
      expect(random.victim()).toBe(2)
    }
  })
})
