import { manualClock } from '@holdfast/testkit'
import { expect, test } from 'vitest'
import { WorkLimit } from './work-limit.ts'

test('work is free until its time is up, which is looked at now and then', async () => {
  const clock = manualClock()
  const limit = new WorkLimit(100 * 1024, clock)
  for (let i = 0; i < 5_000; i++) limit.spend(1)
  await clock.advance(75)
  for (let i = 0; i < 5_000; i++) limit.spend(1)
  await clock.advance(1)
  expect(() => {
    for (let i = 0; i < 1_024; i++) limit.spend(1)
  }).toThrow('longer to read than its bytes explain')
})

test('a small value is never given up, however long the machine paused', async () => {
  const clock = manualClock()
  const limit = new WorkLimit(100, clock)
  await clock.advance(60_000)
  for (let i = 0; i < 1_023; i++) limit.spend(1)
})
