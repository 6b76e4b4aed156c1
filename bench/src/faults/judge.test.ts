import { expect, test } from 'vitest'
import {
  atLeast,
  atMost,
  cameAbout,
  cannot,
  holds,
  inTime,
  mostInTime,
  noneOld,
  ownErrors,
  right,
  verdictOf,
} from './judge.ts'
import type { Answer } from './orders.ts'

const answer = (more: Partial<Answer> = {}): Answer => ({ key: 'k', ms: 50, version: 'v1', ...more })
const gone: Answer = { key: 'k', ms: 6000, isGivenUp: true }

test('the slowest of the answers is held to the bound', () => {
  expect(inTime('all', [answer(), answer({ ms: 300 })], 300)).toEqual({ figure: 'all 300 ms', isKept: true })
  expect(inTime('all', [answer(), answer({ ms: 301 })], 300).isKept).toBe(false)
})

test('a call without an answer keeps no bound, however wide', () => {
  expect(inTime('first', [gone], 60_000)).toEqual({ figure: 'first: no answer in 6 s', isKept: false })
})

test('no answers at all are none in time', () => {
  expect(inTime('all', [], 100).isKept).toBe(false)
  expect(mostInTime('p90', 0.9, [], 100).isKept).toBe(false)
})

test('most of the answers: the few slowest are left out, and no more than these', () => {
  const nine = Array<Answer>(9).fill(answer())
  expect(mostInTime('later', 0.9, [...nine, gone], 100)).toEqual({ figure: 'later 50 ms', isKept: true })
  expect(mostInTime('later', 0.9, [...nine.slice(1), gone, gone], 100).isKept).toBe(false)
})

test('what never came about was not in time', () => {
  expect(cameAbout('used again after', 900, 1000, 5000).isKept).toBe(true)
  expect(cameAbout('used again after', 1001, 1000, 5000).isKept).toBe(false)
  expect(cameAbout('used again after', undefined, 1000, 5000)).toEqual({
    figure: 'used again after: not in 5 s',
    isKept: false,
  })
})

test('an answer is right only with the version of the row', () => {
  expect(right('reads', [answer(), answer()], 'v1')).toEqual({ figure: '', isKept: true })
  const wrong = [answer({ version: 'v0' }), { key: 'k', ms: 1 }, { key: 'k', ms: 1, error: 'gone' }, gone]
  expect(wrong.map((each) => right('read', [each], 'v1'))).toEqual([
    { figure: 'read: answered "v0"', isKept: false },
    { figure: 'read: answered undefined', isKept: false },
    { figure: 'read: gone', isKept: false },
    { figure: 'read: no answer in 6 s', isKept: false },
  ])
})

test('that no answer came is said once', () => {
  const findings = [inTime('first', [gone], 350), right('first', [gone], 'v1')]
  expect(verdictOf(findings, undefined)).toEqual({ outcome: 'broken', text: 'first: no answer in 6 s' })
})

test('one old value among many breaks the promise', () => {
  expect(noneOld('later', [answer(), answer()], 'v1')).toEqual({ figure: 'later: 0 of 2 old', isKept: true })
  expect(noneOld('later', [answer(), answer({ version: 'v0' })], 'v1').isKept).toBe(false)
})

test('errors count as the loader’s only for every caller', () => {
  const own = { key: 'k', ms: 1, error: 'no row', isOriginalError: true }
  expect(ownErrors('an error', [own, own]).isKept).toBe(true)
  expect(ownErrors('an error', [own, { ...own, isOriginalError: false }]).isKept).toBe(false)
  expect(ownErrors('an error', [own, { key: 'k', ms: 1 }]).isKept).toBe(false)
})

test('bounds of counts are theirs, too', () => {
  expect([atMost('loads', 1, 1), atMost('loads', 2, 1)].map(({ isKept }) => isKept)).toEqual([true, false])
  expect([atLeast('told', 1, 1), atLeast('told', 0, 1)].map(({ isKept }) => isKept)).toEqual([true, false])
})

test('a row is kept when each finding that says something is', () => {
  expect(verdictOf([atMost('loads', 1, 1), cannot('no L1'), holds(true, 'gone')], undefined)).toEqual({
    outcome: 'kept',
    text: 'loads: 1, no L1',
  })
  expect(verdictOf([atMost('loads', 1, 1), holds(false, 'the key is there')], undefined)).toEqual({
    outcome: 'broken',
    text: 'loads: 1, the key is there',
  })
})

test('a row of nothing but lacks applies to nobody', () => {
  expect(verdictOf([cannot('no lease: 8 loader calls')], undefined).outcome).toBe('cannot')
})

test('a process that ended by itself has broken its promise, whatever it answered', () => {
  expect(verdictOf([atMost('loads', 1, 1)], 'Error: read ECONNRESET')).toEqual({
    outcome: 'broken',
    text: 'loads: 1, crashed: Error: read ECONNRESET',
  })
})
