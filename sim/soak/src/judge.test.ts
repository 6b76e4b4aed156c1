import { Dice } from '@holdfast/race/dice'
import { checkHistory, type HistoryEvent, type ReadEvent } from '@holdfast/testkit'
import { describe, expect, test } from 'vitest'
import { Judge, type JudgeBounds } from './judge.ts'

const BOUNDS: JudgeBounds = { deltaMs: 2000, staleAllowedMs: 8000 }
const PROCESSES = ['app-1', 'app-2'] as const
const SOURCES = ['l1', 'l2', 'loader', 'stale'] as const
const WINDOW_MS = 5000
const KEYS = 3
const TAG = 'both'

/**
 * A history that no cache made: what is read is drawn, a little behind what the database has, so that many reads break
 * a promise and many do not. 10 minutes of it, far more than the past is kept for in full.
 */
function randomHistory(seed: number): readonly HistoryEvent[] {
  const dice = new Dice(seed, 'history')
  const versions = new Array<number>(KEYS).fill(1)
  const events: HistoryEvent[] = []
  const process = () => PROCESSES[dice.upTo(1)] ?? 'app-1'
  for (let atMs = 0; atMs < 600_000; atMs += dice.next() * 1000) {
    const number = dice.upTo(KEYS - 1)
    const key = `row-${number}`
    // Some calls take longer than windows are.
    const span = {
      process: process(),
      startMs: atMs,
      endMs: atMs + dice.next() * (dice.chance(0.1) ? 12_000 : 50),
    }
    const tags = number === 2 ? [] : [TAG]
    if (dice.chance(0.1)) {
      const version = (versions[number] ?? 1) + 1
      versions[number] = version
      events.push({ ...span, process: 'database', kind: 'commit', key, version, tags, endMs: atMs })
    } else if (dice.chance(0.12)) {
      const result = dice.chance(0.6) ? 'applied' : 'queued'
      const names = dice.chance(0.3) ? { tags: [TAG] } : { keys: [key] }
      events.push({ ...span, kind: 'invalidate', ...names, result })
    } else {
      const version = Math.max(1, (versions[number] ?? 1) - (dice.chance(0.7) ? 0 : dice.upTo(3)))
      const source = SOURCES[dice.upTo(3)] ?? 'l1'
      const foreign = dice.chance(0.01) ? { valueKey: 'row-9' } : {}
      events.push({ ...span, kind: 'read', key, version, source, ...foreign })
    }
  }
  return events.sort((a, b) => a.endMs - b.endMs)
}

/** The same history judged window by window; the findings of all. */
function judged(events: readonly HistoryEvent[]): { violations: number; reads: number; findings: string[] } {
  const judge = new Judge(BOUNDS)
  const all = { violations: 0, reads: 0, findings: [] as string[] }
  const lastMs = events.at(-1)?.endMs ?? 0
  for (let index = 0; index * WINDOW_MS <= lastMs; index++) {
    const isIn = ({ endMs }: HistoryEvent): boolean => Math.floor(endMs / WINDOW_MS) === index
    const verdict = judge.judge(index, events.filter(isIn), (index + 1) * WINDOW_MS)
    all.violations += verdict.violations
    all.reads += verdict.reads
    all.findings.push(...verdict.findings)
  }
  return all
}

/** The reads that break a promise by the checker's word of the whole history, but for those that Judge explains. */
function whole(events: readonly HistoryEvent[]): number {
  const report = checkHistory(events, { ...BOUNDS, violationsMax: Number.POSITIVE_INFINITY })
  const isTold = (read: ReadEvent): boolean =>
    events.some(
      (told) =>
        told.kind === 'invalidate' &&
        told.result === 'applied' &&
        told.endMs < read.startMs &&
        events.some(
          (commit) =>
            commit.kind === 'commit' &&
            commit.key === read.key &&
            commit.version > (read.version ?? 0) &&
            commit.endMs < told.startMs &&
            (told.keys?.includes(read.key) || told.tags?.some((tag) => commit.tags?.includes(tag))),
        ),
    )
  const violations = report.violations.filter(
    ({ anomaly, event }) =>
      (anomaly !== 'A3' && anomaly !== 'A9') || (event.kind === 'read' && isTold(event)),
  )
  return new Set(violations.map(({ event }) => event)).size
}

describe('a history judged window by window', () => {
  test.each([1, 2, 3, 4])('has the violations that it has as a whole (seed %i)', (seed) => {
    const events = randomHistory(seed)
    const { violations, reads } = judged(events)
    expect(reads).toBe(events.filter(({ kind }) => kind === 'read').length)
    expect(violations).toBe(whole(events))
    expect(violations).toBeGreaterThan(50)
  })

  test('tells an old value for ever: minutes after the last word of it', () => {
    const [span, key] = [{ process: 'app-1', startMs: 10, endMs: 10 }, 'row-0']
    const judge = new Judge(BOUNDS)
    const commit: HistoryEvent = { ...span, kind: 'commit', key, version: 2 }
    const told: HistoryEvent = {
      ...span,
      kind: 'invalidate',
      keys: [key],
      result: 'applied',
      startMs: 11,
      endMs: 12,
    }
    expect(judge.judge(0, [commit, told], WINDOW_MS).violations).toBe(0)
    for (let index = 1; index < 100; index++) judge.judge(index, [], (index + 1) * WINDOW_MS)
    const read: HistoryEvent = {
      process: 'app-2',
      kind: 'read',
      key,
      version: 1,
      source: 'l1',
      startMs: 100 * WINDOW_MS,
      endMs: 100 * WINDOW_MS,
    }
    const verdict = judge.judge(100, [read], 101 * WINDOW_MS)
    expect(verdict.violations).toBe(1)
    expect(verdict.worstStalenessMs).toBeGreaterThan(400_000)
    expect(verdict.evidence).toHaveLength(3)
  })

  test('lets a process go back to what L2 holds while the writer owes L2 the invalidation', () => {
    const key = 'row-0'
    const at = (startMs: number) => ({ startMs, endMs: startMs + 1 })
    const read = (ms: number, version: number, source: 'l1' | 'l2'): HistoryEvent => ({
      process: 'app-1',
      kind: 'read',
      key,
      version,
      source,
      ...at(ms),
    })
    const commit: HistoryEvent = { process: 'database', kind: 'commit', key, version: 2, ...at(10) }
    const told = (result: 'queued' | 'applied'): HistoryEvent => ({
      process: 'app-2',
      kind: 'invalidate',
      keys: [key],
      result,
      ...at(12),
    })
    const back = [read(20, 2, 'l1'), read(30, 1, 'l2')]
    expect(new Judge(BOUNDS).judge(0, [commit, told('queued'), ...back], WINDOW_MS).violations).toBe(0)
    expect(
      new Judge(BOUNDS).judge(0, [commit, told('applied'), ...back], WINDOW_MS).violations,
    ).toBeGreaterThan(0)
  })
})
