import { manualClock } from '@holdfast/testkit'
import { expect, test } from 'vitest'
import { FailingLoads } from './failing-loads.ts'

test('a key is tried again 0.5 to 1 s after its first failure, then ever later, at most 30 s', async () => {
  const clock = manualClock({ seed: 1 })
  const failing = new FailingLoads(clock)
  for (const boundMs of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    expect(failing.mayTry('k')).toBe(true)
    failing.failed('k')
    await clock.advance(boundMs / 2 - 1)
    expect(failing.mayTry('k')).toBe(false)
    expect(failing.mayTry('another')).toBe(true)
    await clock.advance(boundMs / 2 + 1)
  }
})

test('a success forgets the failures', async () => {
  const clock = manualClock({ seed: 1 })
  const failing = new FailingLoads(clock)
  for (let i = 0; i < 5; i++) failing.failed('k')
  failing.succeeded('k')
  expect(failing.mayTry('k')).toBe(true)
  failing.failed('k')
  await clock.advance(1000)
  expect(failing.mayTry('k')).toBe(true)
})

test('10,000 keys are remembered, and the oldest goes first', () => {
  const failing = new FailingLoads(manualClock({ seed: 1 }))
  for (let i = 0; i <= 10_000; i++) failing.failed(`${i}`)
  expect(failing.mayTry('0')).toBe(true)
  expect(failing.mayTry('1')).toBe(false)
})
