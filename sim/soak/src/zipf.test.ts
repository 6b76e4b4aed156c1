import { Dice } from '@holdfast/race/dice'
import { expect, test } from 'vitest'
import { Zipf } from './zipf.ts'

const DRAWS = 100_000

test('keys are drawn as often as Zipf says', () => {
  const zipf = new Zipf(1000, 0.99)
  const dice = new Dice(1, 'zipf')
  const counts = new Array<number>(1000).fill(0)
  for (let i = 0; i < DRAWS; i++) {
    const key = zipf.draw(dice)
    counts[key] = (counts[key] ?? 0) + 1
  }
  const total = counts.reduce((sum, _, key) => sum + (key + 1) ** -0.99, 0)
  for (const key of [0, 1, 9, 99]) {
    const expected = (DRAWS * (key + 1) ** -0.99) / total
    // Five standard deviations of a count: a wrong exponent or an index off by one is far beyond.
    expect(Math.abs((counts[key] ?? 0) - expected)).toBeLessThan(5 * Math.sqrt(expected))
  }
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(DRAWS)
})

test('one key is always drawn', () => {
  expect(new Zipf(1, 0.99).draw(new Dice(1, ''))).toBe(0)
})
