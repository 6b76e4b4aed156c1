import { manualClock } from '@holdfast/testkit'
import { expect, test } from 'vitest'
import { CacheError } from '../contracts.ts'
import { watched } from '../testing/outcome.ts'
import type { Moment } from './bus-rules.ts'
import { OwnBeats } from './own-beats.ts'

const at = (ms: number): Moment => ({ at: ms, wall: ms })

test('a beat comes back once, and takes the older ones along, whatever their numbers are', () => {
  const beats = new OwnBeats(manualClock())
  for (const beat of [5, 70, 900]) beats.note(beat, at(beat))
  expect(beats.cameBack(71)).toBeUndefined()
  expect(beats.cameBack(70)).toEqual(at(70))
  expect([5, 70].map((beat) => beats.cameBack(beat))).toEqual([undefined, undefined])
  expect(beats.cameBack(900)).toEqual(at(900))
})

test('one that is waited for is due once, and not where as many are on their way as are remembered', async () => {
  const beats = new OwnBeats(manualClock())
  const late = new CacheError('bus_unavailable', 'late')
  expect(beats.isDue).toBe(false)
  const first = [beats.wait(100, late), beats.wait(100, late)]
  expect(beats.isDue).toBe(true)
  beats.note(1, at(1))
  expect(beats.isDue).toBe(false)
  const next = watched(beats.wait(100, late))
  for (let beat = 2; beat <= 64; beat++) beats.note(beat, at(beat))
  const last = watched(beats.wait(100, late))
  expect(beats.isDue).toBe(false)
  expect(beats.cameBack(1)).toEqual(at(1))
  beats.settle(1)
  await Promise.all(first)
  expect([next(), last(), beats.isDue]).toEqual(['pending', 'pending', true])
})

test('of those that do not come back the last 64 are remembered', () => {
  const beats = new OwnBeats(manualClock())
  for (let n = 0; n < 65; n++) beats.note(n * 1000, at(n))
  expect(beats.cameBack(0)).toBeUndefined()
  expect(beats.cameBack(1000)).toEqual(at(1))
})
