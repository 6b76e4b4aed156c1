/** L1 mode 'none': nothing tells of changes, so every bound counts from when the value was asked for. */
import { expect, test } from 'vitest'
import { watched } from '../testing/outcome.ts'
import { Stage } from '../testing/stage.ts'

const L1 = { mode: 'none', maxStale: '100ms' } as const

test('a reply that is late makes nothing fresh for longer than maxStale', async () => {
  await using stage = new Stage()
  const [a, b] = [stage.node({ l1: L1, l2Timeout: '10s' }), stage.node()]
  await b.cache.set('k', 'old')
  a.connection.hold()
  const read = watched(a.cache.get('k'))
  await stage.settle()
  await b.cache.delete('k')
  await stage.advance(5_000)
  a.connection.release()
  await stage.settle()
  expect(read()).toEqual({ value: 'old' })
  expect(await a.cache.get('k')).toBeUndefined()
})

test('nor does a late answer to set', async () => {
  await using stage = new Stage()
  const [a, b] = [stage.node({ l1: L1, l2Timeout: '10s' }), stage.node()]
  await a.cache.get('warm-up')
  a.connection.hold()
  const put = watched(a.cache.set('k', 'old'))
  await stage.settle()
  await b.cache.delete('k')
  await stage.advance(5_000)
  a.connection.release()
  await stage.settle()
  expect(put()).toMatchObject({ value: { l2: 'applied' } })
  expect(await a.cache.get('k')).toBeUndefined()
})

test('nor does a schema that takes its time', async () => {
  await using stage = new Stage()
  const [a, b] = [stage.node({ l1: L1 }), stage.node()]
  const slow = {
    '~standard': {
      version: 1 as const,
      vendor: 'test',
      validate: (value: unknown) =>
        new Promise<{ value: unknown }>((resolve) => void stage.clock.after(200, () => resolve({ value }))),
    },
  }
  await b.cache.set('k', 'old')
  const read = watched(a.cache.get('k', { validate: slow }))
  await stage.settle()
  await b.cache.delete('k')
  await stage.advance(200)
  expect(read()).toEqual({ value: 'old' })
  expect(await a.cache.get('k')).toBeUndefined()
})

test('a load that began earlier does not replace a later one: without L2 no lease keeps them apart', async () => {
  await using stage = new Stage()
  const { cache, connection } = stage.node({ l1: { ...L1, maxStale: '1s' } })
  await cache.get('warm-up')
  connection.disconnect()
  const { promise: olderReads, resolve: olderEnds } = Promise.withResolvers<string>()
  const older = watched(cache.getOrSet('k', () => olderReads))
  await stage.advance(5)
  expect(await cache.refresh('k', () => 'newer')).toBe('newer')
  olderEnds('older')
  await stage.settle()
  expect(older()).toEqual({ value: 'older' })
  expect(await cache.get('k')).toBe('newer')
})

test('what L2 held before is not followed back to: it is loaded over', async () => {
  await using stage = new Stage()
  const [a, b] = [stage.node({ l1: L1 }), stage.node()]
  await b.cache.set('k', 'older')
  await stage.advance(1)
  a.connection.disconnect()
  expect(await a.cache.getOrSet('k', () => 'newer')).toBe('newer')
  expect(await a.cache.get('k')).toBe('newer')
  a.connection.reconnect()
  await stage.settle()
  expect(await a.cache.get('k')).toBeUndefined()
  expect(await a.cache.getOrSet('k', () => 'newer still')).toBe('newer still')
  expect(await b.cache.get('k')).toBe('newer still')
  // What was loaded later is taken.
  a.connection.disconnect()
  expect(await a.cache.getOrSet('other', () => 'mine')).toBe('mine')
  await stage.advance(1)
  await b.cache.set('other', 'later')
  a.connection.reconnect()
  await stage.settle()
  expect(await a.cache.get('other')).toBe('later')
})

test('without L2 a value is stale since it was asked for: heartbeats have verified nothing of it', async () => {
  await using stage = new Stage()
  const windows = { ttl: '2h', staleIfError: '1m' } as const
  const [a, b] = [stage.node({ l1: { mode: 'none' }, ...windows }), stage.node(windows)]
  await b.cache.set('k', 'old')
  expect(await a.cache.get('k')).toBe('old')
  await stage.advance(10_000)
  expect(await b.cache.delete('k')).toEqual({ l2: 'applied' })
  await stage.advance(3_600_000)
  a.connection.disconnect()
  const answer = watched(a.cache.getOrSet('k', () => Promise.reject(new Error('database down'))))
  await stage.advance(300)
  expect(answer()).toEqual({ error: 'database down' })
})
