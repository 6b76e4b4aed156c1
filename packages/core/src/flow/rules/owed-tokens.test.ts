import { expect, test } from 'vitest'
import { Database } from '../../testing/database.ts'
import { watched } from '../../testing/outcome.ts'
import { Stage } from '../../testing/stage.ts'

test('a read that was under way does not learn the token of a tag whose invalidation is queued', async () => {
  await using stage = new Stage()
  const [a, b] = [stage.node(), stage.node()]
  const db = new Database('old')
  await a.cache.getOrSet('held', db.load, { tags: ['t'] })
  await b.cache.getOrSet('other', db.load, { tags: ['t'] })
  a.connection.hold()
  // Five calls that are too late open the breaker: the invalidation is queued at once.
  for (let i = 0; i < 5; i++) a.cache.get(`late-${i}`)
  await stage.advance(200)
  // The tag's token is held: only the value is asked for.
  const under = watched(a.cache.get('other'))
  await stage.advance(60)
  expect(a.cache.stats().l2.breaker).toBe('open')
  stage.server.failNext('invalidateTags', 1)
  expect(await a.cache.invalidateTag('t')).toEqual({ l2: 'queued' })
  a.connection.release()
  await stage.settle()
  expect(under()).not.toBe('pending')
  expect(a.cache.stats().l2.queuedInvalidations).toBe(1)
  expect(await a.cache.get('held')).toBeUndefined()
})

test('nor does a load that finds out its tags', async () => {
  await using stage = new Stage()
  const { cache } = stage.node()
  const db = new Database('old')
  await cache.getOrSet('held', db.load, { tags: ['t'] })
  db.hold()
  const under = watched(cache.getOrSet('other', db.load, { tags: () => ['t'] }))
  await stage.settle()
  stage.server.failNext('invalidateTags', 1)
  expect(await cache.invalidateTag('t')).toEqual({ l2: 'queued' })
  db.release()
  await stage.settle()
  expect(under()).toEqual({ value: 'old' })
  expect(await cache.get('held')).toBeUndefined()
})
