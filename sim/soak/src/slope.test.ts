import { Dice } from '@holdfast/race/dice'
import { expect, test } from 'vitest'
import { slopeOf } from './slope.ts'

/** A point every 10 s for 10 minutes, with noise of up to 2 on each side. */
function noisy(perMinute: number, seed: number): readonly (readonly [number, number])[] {
  const dice = new Dice(seed, 'noise')
  return Array.from({ length: 60 }, (_, i) => [i / 6, 50 + (perMinute * i) / 6 + dice.next() * 4 - 2])
}

test('an exact line has its slope and no error', () => {
  expect(
    slopeOf([
      [0, 1],
      [1, 3],
      [2, 5],
    ]),
  ).toEqual({ perX: 2, error: 0 })
})

test('what is flat and what rises are told apart through noise', () => {
  for (let seed = 0; seed < 50; seed++) {
    const flat = slopeOf(noisy(0, seed))
    const rising = slopeOf(noisy(1.5, seed))
    expect(flat.perX + 2 * flat.error).toBeLessThan(1)
    expect(rising.perX - 2 * rising.error).toBeGreaterThan(1)
  }
})

test('too few points tell nothing', () => {
  expect(
    slopeOf([
      [0, 1],
      [1, 9],
    ]).error,
  ).toBe(Number.POSITIVE_INFINITY)
})
