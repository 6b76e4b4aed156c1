import { expect, test } from 'vitest'
import { expirySeconds } from './expiry-seconds.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const NOW_MS = 1_800_000_000_500

test.each([
  [1, 2],
  [999, 2],
  [1000, 2],
  [1001, 3],
  [60_000, 61],
  [30 * DAY_MS - 1000, 2_592_000],
])('%d ms are %d s: the last one may have begun already', (ms, seconds) => {
  expect(expirySeconds(ms, NOW_MS)).toBe(seconds)
})

test.each([
  [30 * DAY_MS - 999, 1_800_000_001 + 2_592_001],
  [30 * DAY_MS, 1_800_000_001 + 2_592_001],
  [365 * DAY_MS, 1_800_000_001 + 31_536_001],
  [100 * 365 * DAY_MS, 2 ** 31 - 1],
])('%d ms, beyond 30 days, are the moment %d', (ms, moment) => {
  expect(expirySeconds(ms, NOW_MS)).toBe(moment)
})

test('for ever is no TTL, and nothing is never for ever', () => {
  expect(expirySeconds(Infinity, NOW_MS)).toBe(0)
  expect(expirySeconds(0, NOW_MS)).toBe(2)
  expect(expirySeconds(-5, NOW_MS)).toBe(2)
})
