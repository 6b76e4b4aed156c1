/** Rules of docs/wire/protocol.md; each race is run with its rule and without it. */
import { describe, expect, test } from 'vitest'
import { Database } from '../../testing/database.ts'
import { watched } from '../../testing/outcome.ts'
import { race } from '../../testing/race.ts'
import { Stage } from '../../testing/stage.ts'

describe('Q: what L2 has not acknowledged is fenced in this process', () => {
  const usableAlways = { rules: { mayUse: () => true } }

  race('a key whose delete is queued is not read from L2', {
    off: usableAlways,
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      await b.cache.set('k', 'old')
      stage.server.failNext('invalidate', 1)
      const deleted = await a.cache.delete('k')
      return { deleted, after: await a.cache.get('k') }
    },
    holds: { deleted: { l2: 'queued' }, after: undefined },
    breaks: { deleted: { l2: 'queued' }, after: 'old' },
  })

  race('a load that began before the queued delete is not filled', {
    off: usableAlways,
    play: async (stage) => {
      const { cache } = stage.node()
      const db = new Database('old')
      db.hold()
      const before = watched(cache.getOrSet('k', db.load))
      await stage.settle()
      stage.server.failNext('invalidate', 1)
      await cache.delete('k')
      db.value = 'new'
      db.release()
      await stage.settle()
      return { before: before(), after: await cache.getOrSet('k', db.load) }
    },
    holds: { before: { value: 'old' }, after: 'new' },
    breaks: { before: { value: 'old' }, after: 'old' },
  })

  race('nor one that began before a queued tag', {
    off: usableAlways,
    play: async (stage) => {
      const { cache } = stage.node()
      const db = new Database('old')
      db.hold()
      const before = watched(cache.getOrSet('k', db.load, { tags: ['t'] }))
      await stage.settle()
      stage.server.failNext('invalidateTags', 1)
      await cache.invalidateTag('t')
      db.value = 'new'
      db.release()
      await stage.settle()
      return { before: before(), after: await cache.getOrSet('k', db.load, { tags: ['t'] }) }
    },
    holds: { before: { value: 'old' }, after: 'new' },
    breaks: { before: { value: 'old' }, after: 'old' },
  })

  race('a wait for the load of another node does not end with what it fills', {
    off: usableAlways,
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      const db = new Database('old')
      db.hold()
      const elsewhere = watched(b.cache.getOrSet('k', db.load, { tags: ['t'] }))
      await stage.settle()
      const before = watched(a.cache.getOrSet('k', db.load, { tags: ['t'] }))
      await stage.settle()
      stage.server.failNext('invalidateTags', 100)
      await a.cache.invalidateTag('t')
      db.value = 'new'
      const after = watched(a.cache.getOrSet('k', db.load, { tags: ['t'] }))
      await stage.settle()
      db.release()
      await stage.advance(100)
      return {
        elsewhere: elsewhere(),
        after: after(),
        later: await a.cache.get('k'),
        before: before() !== 'pending',
      }
    },
    holds: { elsewhere: { value: 'old' }, after: { value: 'new' }, later: 'new', before: true },
    breaks: { elsewhere: { value: 'old' }, after: { value: 'old' }, later: 'old', before: true },
  })

  test.for(['delete', 'invalidateTag', 'clear'] as const)(
    '%s stays fenced while its replay is on its way, and when the replay fails',
    async (how) => {
      await using stage = new Stage()
      const [a, b] = [stage.node(), stage.node()]
      await b.cache.set('k', 'old', { tags: ['t'] })
      for (const operation of ['invalidate', 'invalidateTags', 'clear'] as const)
        stage.server.failNext(operation, 2)
      const invalidate = { delete: 'k', invalidateTag: 't', clear: undefined } as const
      const name = invalidate[how]
      const asked = how === 'clear' ? a.cache.clear() : a.cache[how](name ?? '')
      expect(await asked).toEqual({ l2: 'queued' })
      a.connection.hold()
      await stage.advance(50)
      // The replay is written and will be refused.
      const during = watched(a.cache.get('k'))
      await stage.settle()
      a.connection.release()
      await stage.settle()
      expect(during()).toEqual({ value: undefined })
      expect(await a.cache.get('k')).toBeUndefined()
      expect(a.cache.stats().l2).toMatchObject({ online: false, queuedInvalidations: 1 })
      await stage.advance(10_000)
      expect(a.cache.stats().l2).toMatchObject({ online: true, queuedInvalidations: 0 })
      expect(await b.cache.get('k')).toBeUndefined()
    },
  )

  test('after a lost connection the queue is replayed before L2 is used', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    const db = new Database('old')
    await a.cache.getOrSet('k', db.load, { tags: ['t'] })
    a.connection.disconnect()
    db.value = 'new'
    expect(await a.cache.delete('k')).toEqual({ l2: 'queued' })
    expect(await b.cache.get('k')).toBe('old')
    await stage.advance(60_000)
    a.connection.reconnect()
    const values = await Promise.all([a.cache.getOrSet('k', db.load), a.cache.get('k')])
    expect(values).not.toContain('old')
    await stage.advance(10_000)
    expect(a.cache.stats().l2).toMatchObject({ online: true, queuedInvalidations: 0 })
    expect(await b.cache.get('k')).not.toBe('old')
    expect(await a.cache.getOrSet('k', db.load)).toBe('new')
  })

  test('an expire in the queue never weakens a delete of the same key, in either order', async () => {
    await using stage = new Stage()
    const windows = { swr: '1h', ttl: '1h' } as const
    const [a, b] = [stage.node(windows), stage.node(windows)]
    await b.cache.setMany([
      ['deleted-first', 'old'],
      ['expired-first', 'old'],
    ])
    a.connection.disconnect()
    await a.cache.delete('deleted-first')
    await a.cache.expire('deleted-first')
    await a.cache.expire('expired-first')
    await a.cache.delete('expired-first')
    a.connection.reconnect()
    await stage.advance(10_000)
    expect(await b.cache.getMany(['deleted-first', 'expired-first'])).toEqual([undefined, undefined])
    await b.cache.set('t then s', 'old', { tags: ['t'] })
    await b.cache.set('s then t', 'old', { tags: ['s'] })
    a.connection.disconnect()
    await a.cache.invalidateTag('t')
    await a.cache.expireTag('t')
    await a.cache.expireTag('s')
    await a.cache.invalidateTag('s')
    a.connection.reconnect()
    await stage.advance(10_000)
    expect(await b.cache.getMany(['t then s', 's then t'])).toEqual([undefined, undefined])
  })

  test('more names than the queue holds clear the namespace instead', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await b.cache.set('unrelated', 'old')
    await b.cache.namespace('other').set('k', 'kept')
    a.connection.disconnect()
    await a.cache.deleteMany(Array.from({ length: 10_001 }, (_, i) => `k${i}`))
    expect(a.cache.stats().l2.queuedInvalidations).toBe(1)
    stage.server.resetStats()
    a.connection.reconnect()
    await stage.advance(100)
    expect(stage.server.stats.commands).toMatchObject({ clear: 1, invalidate: 0 })
    expect(await b.cache.get('unrelated')).toBeUndefined()
    expect(await b.cache.namespace('other').get('k')).toBe('kept')
  })

  test('close says how many were never applied', async () => {
    await using stage = new Stage()
    const { cache, connection } = stage.node()
    await stage.settle()
    connection.disconnect()
    await cache.deleteMany(['a', 'b'])
    await cache.invalidateTag('t')
    expect(await cache.close()).toEqual({ notApplied: 3 })
  })
})
