import { describe, expect, test } from 'vitest'
import { Dice } from './dice.ts'

function throws(dice: Dice, count: number): number[] {
  return Array.from({ length: count }, () => dice.upTo(14))
}

describe('seeded dice', () => {
  test('give the same choices for the same seed and name', () => {
    expect(throws(new Dice(7, 'node-1'), 50)).toEqual(throws(new Dice(7, 'node-1'), 50))
  })

  test('give others for another seed or name', () => {
    const seven = throws(new Dice(7, 'node-1'), 50)
    expect(throws(new Dice(8, 'node-1'), 50)).not.toEqual(seven)
    expect(throws(new Dice(7, 'node-2'), 50)).not.toEqual(seven)
  })

  test('reach every number up to the largest', () => {
    expect(new Set(throws(new Dice(1, ''), 1000)).size).toBe(15)
  })

  test('choose names as often as their weights say', () => {
    const dice = new Dice(3, '')
    const chosen = Array.from({ length: 1000 }, () =>
      dice.weighted([
        ['often', 9],
        ['seldom', 1],
      ]),
    )
    const seldom = chosen.filter((name) => name === 'seldom').length
    expect(seldom).toBeGreaterThan(50)
    expect(seldom).toBeLessThan(200)
  })
})
