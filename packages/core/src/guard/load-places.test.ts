import { manualClock } from '@holdfast/testkit'
import { expect, test } from 'vitest'
import { codeOf, errorOf } from '../testing/outcome.ts'
import { LoadPlaces } from './load-places.ts'

const never = new AbortController().signal

test('so many places are free at once; then each that is left goes to the next in turn', async () => {
  const clock = manualClock({ seed: 1 })
  const places = new LoadPlaces(clock, 2)
  expect(places.take(never, 1000)).toBeUndefined()
  expect(places.take(never, 1000)).toBeUndefined()
  const order: number[] = []
  const turns = [1, 2, 3].map((n) => places.take(never, 1000)?.then(() => order.push(n)))
  expect([places.taken, places.waiting, places.isFree]).toEqual([2, 3, false])
  places.leave()
  await turns[0]
  expect(order).toEqual([1])
  for (let i = 0; i < 4; i++) places.leave()
  await Promise.all(turns)
  expect(order).toEqual([1, 2, 3])
  expect([places.taken, places.waiting, clock.pendingTimers]).toEqual([0, 0, 0])
})

test('who waits too long, or whose signal fires, waits no more', async () => {
  const clock = manualClock({ seed: 1 })
  const places = new LoadPlaces(clock, 1)
  places.take(never, 1000)
  const controller = new AbortController()
  const left = errorOf(Promise.resolve(places.take(controller.signal, 1000)))
  const late = codeOf(Promise.resolve(places.take(never, 900)))
  const reason = new Error('every caller has left')
  controller.abort(reason)
  expect(await left).toBe(reason)
  expect(await errorOf(Promise.resolve(places.take(controller.signal, 1000)))).toBe(reason)
  await clock.advance(900)
  expect(await late).toBe('overloaded')
  expect([places.taken, places.waiting, clock.pendingTimers]).toEqual([1, 0, 0])
})

test('where nobody leaves for a second one more is let in, and the number goes back to what it should be', async () => {
  const clock = manualClock({ seed: 1 })
  const places = new LoadPlaces(clock, 1)
  places.take(never, 60_000)
  const order: number[] = []
  for (const n of [1, 2, 3]) void places.take(never, 60_000)?.then(() => order.push(n))
  await clock.advance(999)
  expect(order).toEqual([])
  await clock.advance(1)
  expect(order).toEqual([1])
  // Somebody leaves: the second begins anew, and his place is one too many.
  places.leave()
  expect([places.taken, places.waiting]).toEqual([1, 2])
  await clock.advance(1000)
  expect(order).toEqual([1, 2])
  places.leave()
  places.leave()
  await clock.settle()
  expect(order).toEqual([1, 2, 3])
  places.leave()
  expect([places.taken, places.waiting, clock.pendingTimers]).toEqual([0, 0, 0])
})

test('who is waited for by one who has a place is let in at once', async () => {
  const places = new LoadPlaces(manualClock({ seed: 1 }), 1)
  places.take(never, 1000)
  let letIn: (() => void) | undefined
  const turn = places.take(never, 1000, (now) => {
    letIn = now
  })
  letIn?.()
  await turn
  letIn?.()
  expect([places.taken, places.waiting]).toEqual([2, 0])
})

test('10,000 may wait; the next is told at once', async () => {
  const places = new LoadPlaces(manualClock({ seed: 1 }), 1)
  places.take(never, 1000)
  for (let i = 0; i < 10_000; i++) places.take(never, 1000)?.catch(() => undefined)
  expect(await codeOf(Promise.resolve(places.take(never, 1000)))).toBe('overloaded')
})
