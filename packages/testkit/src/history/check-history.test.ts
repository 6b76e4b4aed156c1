import { describe, expect, test } from 'vitest'
import { checkHistory } from './check-history.ts'
import type { HistoryEvent, InvalidateEvent, ReadEvent } from './history-event.ts'
import { summarizeReport } from './summarize-report.ts'

const commit: HistoryEvent = {
  kind: 'commit',
  process: 'w',
  key: 'k',
  tags: ['t'],
  startMs: 0,
  endMs: 1,
  version: 1,
}

function invalidate(change: Partial<InvalidateEvent>): InvalidateEvent {
  return { kind: 'invalidate', process: 'w', startMs: 2, endMs: 3, result: 'applied', ...change }
}

function read(change: Partial<ReadEvent>): ReadEvent {
  return { kind: 'read', process: 'r', key: 'k', startMs: 4, endMs: 5, source: 'l2', version: 0, ...change }
}

function anomalies(events: readonly HistoryEvent[], options = {}): string[] {
  return checkHistory(events, options).violations.map(({ anomaly }) => anomaly)
}

describe('what hides an older version from later reads', () => {
  test.each([
    ['the key', { keys: ['k'] }],
    ['a tag the key carries', { tags: ['t'] }],
    ['everything', { everything: true }],
    ['the key, softly', { keys: ['k'], soft: true }],
  ])('an acknowledged invalidation of %s', (_, names) => {
    const report = checkHistory([commit, invalidate(names), read({})])
    expect(report.violations).toMatchObject([{ anomaly: 'A1', staleMs: 1, event: { kind: 'read' } }])
  })

  test.each([
    ['another key', { keys: ['other'] }],
    ['a tag the key does not carry', { tags: ['other'] }],
  ])('not one of %s', (_, names) => {
    expect(anomalies([commit, invalidate(names), read({})])).toEqual([])
  })

  test('not one that the reading process only hopes for: queued by another, or unknown', () => {
    for (const result of ['queued', 'unknown'] as const) {
      expect(anomalies([commit, invalidate({ keys: ['k'], result }), read({})])).toEqual([])
    }
  })

  test('not where the newer version may never have been committed; reading that one is right too', () => {
    const maybe: HistoryEvent = { ...commit, result: 'unknown' }
    const newer = read({ process: 'q', version: 1 })
    expect(anomalies([maybe, invalidate({ keys: ['k'] }), read({}), newer])).not.toContain('A1')
    expect(anomalies([maybe, invalidate({ keys: ['k'] }), newer])).toEqual([])
  })

  test('a set that was stored, as a delete is', () => {
    const set: HistoryEvent = {
      kind: 'set',
      process: 'w',
      key: 'k',
      startMs: 2,
      endMs: 3,
      version: 1,
      result: 'stored',
    }
    expect(anomalies([commit, set, read({})])).toEqual(['A1'])
  })

  test('not one that began before the commit ended, nor one whose acknowledgement the read did not await', () => {
    expect(anomalies([commit, invalidate({ keys: ['k'], startMs: 0.5 }), read({})])).toEqual([])
    expect(anomalies([commit, invalidate({ keys: ['k'], endMs: 4 }), read({})])).toEqual([])
  })
})

describe('answers handed out as stale', () => {
  const stale = read({ source: 'stale' })

  test('are right after a soft invalidation, and no part of the freshness', () => {
    const report = checkHistory([commit, invalidate({ keys: ['k'], soft: true }), stale])
    expect(report).toMatchObject({ reads: 0, violations: [] })
  })

  test('are wrong after a hard one, unless the run allows it for another process', () => {
    const events = [commit, invalidate({ keys: ['k'] }), stale]
    expect(anomalies(events)).toEqual(['A1'])
    expect(anomalies(events, { staleAllowedMs: 10 })).toEqual([])
    expect(anomalies([...events, { ...stale, process: 'w' }], { staleAllowedMs: 10 })).toEqual(['A4'])
  })
})

test('an absent value is no violation, whatever was invalidated', () => {
  const { version: _, ...absent } = read({})
  expect(checkHistory([commit, invalidate({ keys: ['k'] }), absent])).toMatchObject({
    reads: 0,
    violations: [],
  })
})

test('a value that a user set again after an invalidation is not stale', () => {
  const set: HistoryEvent = {
    kind: 'set',
    process: 'w',
    key: 'k',
    startMs: 2.5,
    endMs: 3.5,
    version: 0,
    result: 'stored',
  }
  expect(anomalies([commit, invalidate({ keys: ['k'] }), set, read({})])).toEqual([])
})

test('a rule that a run cannot keep is skipped by name', () => {
  expect(anomalies([commit, invalidate({ keys: ['k'] }), read({})], { skip: ['A1'] })).toEqual([])
})

test('violations are kept up to a bound and counted beyond it', () => {
  const reads = Array.from({ length: 50 }, (_, i) => read({ startMs: 4 + i, endMs: 5 + i }))
  const report = checkHistory([commit, invalidate({ keys: ['k'] }), ...reads], { violationsMax: 7 })
  expect(report.violations).toHaveLength(7)
  expect(report.counts.get('A1')).toBe(50)
})

test('an event that ends before it starts, or has no moment, is refused', () => {
  for (const endMs of [3, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => checkHistory([read({ endMs })])).toThrow('events[0]')
  }
})

describe('an older version after one that a process has read from L1', () => {
  const newer = read({ source: 'l1', version: 1, startMs: 10, endMs: 11 })
  const older = read({ source: 'l2', version: 0, startMs: 20, endMs: 21 })
  const fill = {
    kind: 'fill',
    process: 'q',
    key: 'k',
    token: 'token',
    version: 1,
    valueKey: 'k',
    endMs: 30,
  } as const

  test('is a violation where the shared tier had held it, or may have', () => {
    for (const result of ['stored', 'unknown'] as const) {
      const before: HistoryEvent = { ...fill, result, startMs: 9 }
      expect(anomalies([commit, before, newer, older])).toContain('A3')
    }
    expect(anomalies([commit, read({ process: 'q', version: 1 }), newer, older])).toContain('A3')
  })

  test('is none where the process had loaded it for itself alone', () => {
    const later: HistoryEvent = { ...fill, result: 'stored', startMs: 25 }
    const refused: HistoryEvent = { ...fill, result: 'refused', startMs: 9 }
    expect(anomalies([commit, newer, older, later])).toEqual([])
    expect(anomalies([commit, refused, newer, older])).toEqual([])
  })

  test('is a violation where there is no shared tier', () => {
    expect(anomalies([commit, newer, { ...older, source: 'l1' }])).toContain('A3')
  })
})

test('200,000 events, with tags on every key, are checked in seconds', () => {
  const events: HistoryEvent[] = []
  for (let i = 0; i < 50_000; i++) {
    const [key, tags, startMs] = [`k${i % 100}`, ['t'], i * 10]
    events.push({ kind: 'commit', process: 'w', key, tags, startMs, endMs: startMs + 1, version: i })
    events.push(invalidate({ tags, startMs: startMs + 2, endMs: startMs + 3 }))
    events.push(read({ key, startMs: startMs + 4, endMs: startMs + 5, version: i }))
    events.push(
      read({ key, process: 'q', startMs: startMs + 4, endMs: startMs + 5, version: i, source: 'l1' }),
    )
  }
  const startedMs = performance.now()
  expect(checkHistory(events)).toMatchObject({ reads: 100_000, violations: [] })
  expect(performance.now() - startedMs).toBeLessThan(10_000)
})

describe('the summary', () => {
  test('of a run without violations tells the upper bound that it proves', () => {
    const reads = Array.from({ length: 3_000 }, () => read({ version: 1 }))
    expect(summarizeReport(checkHistory([commit, invalidate({ keys: ['k'] }), ...reads]))).toBe(
      'Checked 3,000 reads in 3,002 events. No violation; upper bound 3/M with 95 % confidence: ' +
        'fewer than 1.0e-3 of reads. Every read was fresh.',
    )
  })

  test('tells nines and the worst staleness of a run that allows some', () => {
    const late = read({ process: 'q', source: 'l1', startMs: 10, endMs: 11 })
    const reads = Array.from({ length: 999 }, () => read({ version: 1 }))
    const report = checkHistory([commit, invalidate({ keys: ['k'] }), ...reads, late], { deltaMs: 100 })
    expect(report.worstStalenessMs).toBe(7)
    expect(summarizeReport(report)).toMatch(
      /3\.0 nines fresh within 0 ms, 3\.0 nines fresh within 1 ms, all fresh within 10 ms; the worst was 7\.000 ms behind\.$/,
    )
  })

  test('names every anomaly with its count, and the first evidence', () => {
    const text = summarizeReport(checkHistory([commit, invalidate({ keys: ['k'] }), read({}), read({})]))
    expect(text).toContain('VIOLATIONS: 2 x A1 (a read that started after')
    expect(text).toContain('The first: version 0 from l2, 1.000 ms after')
  })

  test('of a run without reads claims nothing', () => {
    expect(summarizeReport(checkHistory([]))).toContain('nothing is proved')
  })
})
