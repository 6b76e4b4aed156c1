import { expect, test } from 'vitest'
import { Backoff } from './backoff.ts'
import { DEFAULT_LIMITS } from './limits.ts'

const clockOf = (random: () => number) => ({ now: () => 0, after: () => ({ cancel() {} }), random })

test('the longest wait doubles up to its bound, and each wait is a random part of it', () => {
  const longest = new Backoff(
    clockOf(() => 1),
    DEFAULT_LIMITS,
  )
  expect(Array.from({ length: 8 }, () => longest.next())).toEqual([50, 100, 200, 400, 800, 1000, 1000, 1000])
  const shortest = new Backoff(
    clockOf(() => 0),
    DEFAULT_LIMITS,
  )
  expect(shortest.next()).toBe(0)
})

test('only a connection that lasted starts the series again', () => {
  const backoff = new Backoff(
    clockOf(() => 1),
    DEFAULT_LIMITS,
  )
  backoff.next()
  backoff.forgive(999)
  expect(backoff.next()).toBe(100)
  backoff.forgive(1000)
  expect(backoff.next()).toBe(50)
})

test('after a refusal the wait is in the upper half of the longest', () => {
  expect(
    new Backoff(
      clockOf(() => 0),
      DEFAULT_LIMITS,
    ).slow(),
  ).toBe(500)
  expect(
    new Backoff(
      clockOf(() => 1),
      DEFAULT_LIMITS,
    ).slow(),
  ).toBe(1000)
})

test('a named node is tried after the shortest wait, a few times in a row; then the series goes on', () => {
  const backoff = new Backoff(
    clockOf(() => 1),
    DEFAULT_LIMITS,
  )
  for (const longest of [50, 100, 200]) expect(backoff.next()).toBe(longest)
  expect(Array.from({ length: 5 }, () => backoff.hop())).toEqual([50, 50, 50, 400, 50])
  backoff.next()
  expect(Array.from({ length: 4 }, () => backoff.hop())).toEqual([50, 50, 50, 1000])
})
