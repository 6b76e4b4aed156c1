import { expect, test } from 'vitest'
import { formatSecond, LEGEND } from './live-line.ts'

const SECOND = {
  requests: 1_812,
  l1Hits: 848,
  l2Hits: 0,
  misses: 964,
  queries: 967,
  hits: { count: 848, p50Ms: 0.04, p99Ms: 1.74 },
  missed: { count: 964, p50Ms: 3.75, p99Ms: 39.8 },
}
// Of 80, the last stays free.
const COLUMNS = 79

test('a busy second fits a terminal of 80 columns', () => {
  const line = formatSecond(SECOND)
  expect(line).toBe('1,812 req/s | L1 46.8 % L2 0.0 % | 967 db/s | ms hit 0.04/1.74 miss 3.75/39.8')
  expect(line.length).toBeLessThanOrEqual(COLUMNS)
})

test('a second in which nothing happened has no shares and no latencies', () => {
  const none = { count: 0, p50Ms: 0, p99Ms: 0 }
  const idle = { requests: 0, l1Hits: 0, l2Hits: 0, misses: 0, queries: 0, hits: none, missed: none }
  expect(formatSecond(idle)).toBe('0 req/s | L1 – L2 – | 0 db/s | ms hit – miss –')
  expect(LEGEND.split('\n').every((line) => line.length <= 100)).toBe(true)
})
