import { describe, expect, test } from 'vitest'
import { AcrossCounts, formatAcross } from './across-counts.ts'

/** Writes 1, 2 and 3, acknowledged at 1,000, 2,000 and 3,000 ms; the bound is 1 s. */
function afterThreeWrites(): AcrossCounts {
  const counts = new AcrossCounts(1_000)
  for (const value of [1, 2, 3]) counts.acknowledge(value, value * 1_000)
  return counts
}

describe('a read that was begun after a write was acknowledged', () => {
  test.each([
    ['the last value', 3, 9_999, { right: 1, behind: 0, stale: 0 }],
    ['the value before, 1 s after the last', 2, 4_000, { right: 0, behind: 1, stale: 0 }],
    ['the value before, later than that', 2, 4_001, { right: 0, behind: 0, stale: 1 }],
    ['a value that was overwritten 1 s earlier', 1, 3_001, { right: 0, behind: 0, stale: 1 }],
    ['what nobody wrote', 'x', 3_001, { right: 0, behind: 0, stale: 1 }],
  ])('answers %s', (_what, value, startMs, counted) => {
    const counts = afterThreeWrites()
    counts.judge(value, startMs)
    expect({ right: counts.right, behind: counts.behind, stale: counts.stale }).toEqual(counted)
  })

  test('is stale where it is older than all writes that are remembered', () => {
    const counts = new AcrossCounts(1_000)
    for (let value = 1; value <= 1_000; value++) counts.acknowledge(value, value * 100)
    counts.judge(1, 100_000)
    counts.judge(999, 100_001)
    expect([counts.behind, counts.stale]).toEqual([1, 1])
  })
})

describe('the line', () => {
  test('calls everything older stale where nodes are told of writes', () => {
    expect(formatAcross({ right: 39, behind: 2, stale: 1 }, true)).toBe('across: 39 right, 3 stale')
  })

  test('says how old, and what would help, where nobody tells them', () => {
    const line = formatAcross({ right: 12_345, behind: 12_345, stale: 0 }, false)
    expect(line).toBe('across: 12345 right, 0 stale, 12345 up to 1 s old (no bus: give REDIS_URL)')
    expect(line.length).toBeLessThan(80)
  })
})
