/** The driver on a real Redis, in its short form: ours keeps what a cache without a thought of faults does not. */
import { expect, test } from 'vitest'
import { contenderOf } from './contenders.ts'
import { SMOKE } from './fault-options.ts'
import type { FaultRow } from './fault-row.ts'
import { faultRows } from './fault-rows.ts'
import { playRow } from './play-row.ts'
import { coldWhileKilled } from './rows/killed.ts'
import { loaderThrows } from './rows/loaders.ts'
import { deletedHere } from './rows/races.ts'

const ours = contenderOf('holdfast')
const naive = contenderOf('naive')

// No milliseconds are judged in these rows: tests may share the machine with others.
test.each([
  [deletedHere, /later: 10 of 10 old/],
  [loaderThrows, /calls: 20/],
] satisfies [FaultRow, RegExp][])('$id: ours keeps the promise, the naive one does not', async (row, why) => {
  const [kept, broken] = await Promise.all([playRow(row, ours, SMOKE), playRow(row, naive, SMOKE)])
  expect(kept).toMatchObject({ outcome: 'kept' })
  expect(broken).toMatchObject({ outcome: 'broken', text: expect.stringMatching(why) })
})

test('a process that the death of Redis ends is a broken promise', async () => {
  expect(await playRow(coldWhileKilled, naive, SMOKE)).toMatchObject({
    outcome: 'broken',
    text: expect.stringMatching(/crashed: Error: Redis is gone/),
  })
})

test('every row has a name of its own', () => {
  expect(new Set(faultRows.map(({ id }) => id)).size).toBe(faultRows.length)
})
