import { expect, test } from 'vitest'
import { RemovalLog } from './removal-log.ts'

test('it tells what was removed at a moment and later, each name once, the last removal counting', () => {
  const log = new RemovalLog()
  log.add(['a', 'b'], 1)
  log.add(['c'], 2)
  log.add(['a'], 3)
  expect(log.since(1)).toEqual(['b', 'c', 'a'])
  expect(log.since(2)).toEqual(['c', 'a'])
  expect(log.since(4)).toEqual([])
})

test('beyond 10,000 names it says that it has forgotten some, until what is asked for is younger', () => {
  const log = new RemovalLog()
  log.add(['first'], 1)
  log.add(
    Array.from({ length: 10_000 }, (_, i) => `k${i}`),
    2,
  )
  expect(log.since(1)).toBeUndefined()
  expect(log.since(2)).toHaveLength(10_000)
  log.add(['one more'], 3)
  expect(log.since(2)).toBeUndefined()
  expect(log.since(3)).toEqual(['one more'])
})

test('it keeps 60 s of removals; time without any costs nothing', () => {
  const log = new RemovalLog()
  log.add(['a'], 0)
  log.add(['b'], 60_000)
  expect(log.since(0)).toEqual(['a', 'b'])
  log.add(['c'], 60_001)
  expect(log.since(0)).toBeUndefined()
  expect(log.since(1)).toEqual(['b', 'c'])
  expect(log.since(1_000_000)).toEqual([])
})
