import { expect, test } from 'vitest'
import { watched } from '../testing/outcome.ts'
import { Stage } from '../testing/stage.ts'

test('an invalidation waits for the replay of earlier ones no longer than its own l2Timeout', async () => {
  await using stage = new Stage()
  const { cache, connection } = stage.node()
  connection.hold()
  const first = watched(cache.delete('first'))
  await stage.advance(100)
  const second = watched(cache.delete('second'))
  await stage.advance(150)
  expect(first()).toEqual({ value: { l2: 'queued' } })
  // The replay of the first is on its way, and the second is owed, too.
  await stage.advance(100)
  expect(second()).toEqual({ value: { l2: 'queued' } })
  await stage.advance(10)
  const third = watched(cache.delete('third'))
  // The replay ends late, and goes on with the second.
  await stage.advance(180)
  connection.release()
  connection.hold()
  await stage.settle()
  await stage.advance(70)
  expect(third()).toEqual({ value: { l2: 'queued' } })
})
