import { describe, expect, test } from 'vitest'
import { leaksOf } from './leak-gate.ts'
import type { Vitals } from './vitals.ts'

const MB = 2 ** 20

function vitals(atMinutes: number, change: Partial<Vitals> = {}): Vitals {
  return {
    atMs: atMinutes * 60_000,
    heapBytes: 50 * MB,
    rssBytes: 100 * MB,
    fds: 30,
    resources: { PipeWrap: 3 },
    listeners: 4,
    ...change,
  }
}

/** Ten minutes of samples whose heap is as the function says. */
function during(heapMb: (minutes: number) => number): readonly Vitals[] {
  return Array.from({ length: 61 }, (_, i) => vitals(i / 6, { heapBytes: heapMb(i / 6) * MB }))
}

const flat = during((minutes) => 50 + (minutes % 1))

function findings(change: { during?: readonly Vitals[]; after?: Partial<Vitals> }): readonly string[] {
  const after = vitals(11, change.after)
  return leaksOf({ name: 'app-1', before: vitals(0), during: change.during ?? flat, after }).findings
}

describe('the leak gate', () => {
  test('lets a process pass that grows while it fills its cache, and is flat then', () => {
    expect(findings({ during: during((minutes) => 50 + 40 * Math.min(1, minutes / 4)) })).toEqual([])
  })

  test('tells a heap that grows by two megabytes a minute', () => {
    const growing = during((minutes) => 50 + 2 * minutes + (minutes % 1))
    expect(findings({ during: growing })).toEqual([expect.stringContaining('the heap grows by 2.')])
  })

  test.each([
    ['file descriptors', { fds: 40 }],
    ['active resources of kind Timeout', { resources: { PipeWrap: 3, Timeout: 5 } }],
    ['listeners', { listeners: 5 }],
  ])('tells of %s that are left', (what, after) => {
    expect(findings({ after })).toEqual([expect.stringContaining(what)])
  })

  test('does not judge the heap of a run in which the cache is still being filled', () => {
    const growing = during((minutes) => 50 + 30 * minutes).slice(0, 13)
    const evidence = { name: 'app-1', before: vitals(0), during: growing, after: vitals(2) }
    expect(leaksOf(evidence)).toMatchObject({ isJudged: false, findings: [] })
    expect(leaksOf({ ...evidence, during: [] }).heap.error).toBe(Number.POSITIVE_INFINITY)
  })
})
