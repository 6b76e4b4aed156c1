import { describe, expect, test } from 'vitest'
import { Database } from '../testing/database.ts'
import { watched } from '../testing/outcome.ts'
import { Stage } from '../testing/stage.ts'

const OBJECT = { id: 1 }

describe("L1 mode 'tracked'", () => {
  test('a hit costs no command while heartbeats are answered', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await b.cache.set('k', OBJECT)
    const value = await a.cache.get('k')
    stage.server.resetStats()
    for (let i = 0; i < 100; i++) {
      await stage.advance(100)
      expect(await a.cache.get('k')).toBe(value)
    }
    expect(stage.server.stats.roundTrips).toBe(0)
    expect(stage.server.stats.commands.heartbeat).toBeGreaterThan(0)
  })

  test('a change elsewhere reaches L1 by its push', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await b.cache.set('k', 'old')
    await b.cache.set('tagged', 'old', { tags: ['t'] })
    expect(await a.cache.getMany(['k', 'tagged'])).toEqual(['old', 'old'])
    await b.cache.set('k', 'new')
    await b.cache.invalidateTag('t')
    await stage.settle()
    expect(await a.cache.getMany(['k', 'tagged'])).toEqual(['new', undefined])
  })

  test('no fresh answer is older than Δ after a change elsewhere whose push is late', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node({ l1: { maxStale: '1s' } }), stage.node()]
    await b.cache.set('k', 'old')
    await a.cache.get('k')
    a.connection.hold()
    await b.cache.delete('k')
    // The last answered heartbeat was sent at most a third of Δ ago.
    expect(await a.cache.get('k')).toBe('old')
    await stage.advance(1_001)
    const read = watched(a.cache.get('k'))
    await stage.settle()
    expect(read()).toBe('pending')
    a.connection.release()
    await stage.settle()
    expect(read()).toEqual({ value: undefined })
  })

  test('an overdue heartbeat: all reads wait for one shared barrier, then all of L1 is good again', async () => {
    await using stage = new Stage()
    const { cache, connection } = stage.node()
    const keys = Array.from({ length: 50 }, (_, i) => `k${i}`)
    await cache.setMany(keys.map((key) => [key, OBJECT]))
    connection.hold()
    await stage.advance(1_001)
    stage.server.resetStats()
    const reads = keys.map((key) => watched(cache.get(key)))
    await stage.settle()
    expect(stage.server.stats.roundTrips).toBe(1)
    connection.release()
    await stage.settle()
    expect(reads.map((read) => read())).toEqual(reads.map(() => ({ value: OBJECT })))
    expect(await cache.get('k0')).toEqual(OBJECT)
    expect(stage.server.stats.roundTrips).toBe(1)
    expect(stage.server.stats.commands.read).toBe(0)
  })

  test('a barrier without an answer costs the l2Timeout once; L1 then counts as unverified', async () => {
    await using stage = new Stage()
    const { cache } = stage.node({ swr: '10s', l2Timeout: '250ms' })
    await cache.set('k', 'old')
    stage.server.pause()
    await stage.advance(1_001)
    const [read, load] = [watched(cache.get('k')), watched(cache.getOrSet('k', () => 'new'))]
    await stage.advance(249)
    expect([read(), load()]).toEqual(['pending', 'pending'])
    await stage.advance(1)
    // Stale within swr, which counts from the last answered heartbeat.
    expect([read(), load()]).toEqual([{ value: 'old' }, { value: 'old' }])
    expect(cache.stats().staleHits.l1).toBe(2)
  })

  test('a machine that was suspended is noticed by its wall clock', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await b.cache.set('k', 'old')
    await a.cache.get('k')
    a.connection.hold()
    await b.cache.delete('k')
    expect(await a.cache.get('k')).toBe('old')
    stage.clock.shiftWall(5_000)
    const read = watched(a.cache.get('k'))
    await stage.settle()
    expect(read()).toBe('pending')
    a.connection.release()
    await stage.settle()
    expect(read()).toEqual({ value: undefined })
  })

  test('a heartbeat that was on its way when the machine was suspended verifies nothing of the time after', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await b.cache.set('k', 'old')
    await a.cache.get('k')
    a.connection.hold()
    await stage.advance(334)
    stage.clock.shiftWall(5_000)
    await b.cache.delete('k')
    // The answer to the heartbeat, and not yet the push behind it.
    a.connection.release(1)
    const read = watched(a.cache.get('k'))
    await stage.settle()
    expect(read()).toBe('pending')
    a.connection.release()
    await stage.settle()
    expect(read()).toEqual({ value: undefined })
  })

  test('a wall clock that is set back does no harm', async () => {
    await using stage = new Stage()
    const { cache } = stage.node()
    await cache.set('k', 'v')
    stage.clock.shiftWall(-3_600_000)
    stage.server.resetStats()
    await stage.advance(10_000)
    expect(await cache.get('k')).toBe('v')
    expect(stage.server.stats.roundTrips).toBe(0)
  })

  test('a flushed server takes L1 with it', async () => {
    await using stage = new Stage()
    const { cache } = stage.node({ swr: '1h', staleIfError: '1h' })
    await cache.set('k', 'old')
    stage.server.flushAll()
    await stage.settle()
    expect(await cache.get('k')).toBeUndefined()
  })

  test("one read may ask for exactness: { consistency: 'strong' }", async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await b.cache.set('k', 'old')
    await a.cache.get('k')
    a.connection.hold()
    await b.cache.delete('k')
    const strong = watched(a.cache.get('k', { consistency: 'strong' }))
    await stage.settle()
    expect(strong()).toBe('pending')
    a.connection.release()
    await stage.settle()
    expect(strong()).toEqual({ value: undefined })
  })
})

describe("L1 mode 'strong'", () => {
  const l1 = { mode: 'strong' } as const

  test('each tick of reads costs one small round trip and moves no value', async () => {
    await using stage = new Stage()
    const { cache } = stage.node({ l1 })
    await cache.set('k', OBJECT)
    const value = await cache.get('k')
    stage.server.resetStats()
    const reads = await Promise.all(Array.from({ length: 50 }, () => cache.get('k')))
    for (const read of reads) expect(read).toBe(value)
    expect(stage.server.stats.roundTrips).toBe(1)
    expect(stage.server.stats.commands.read).toBe(0)
    await cache.get('k')
    expect(stage.server.stats.roundTrips).toBe(2)
  })

  test('no read after an acknowledged change elsewhere answers what was before it', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node({ l1 }), stage.node()]
    for (const change of ['set', 'delete', 'tag', 'clear'] as const) {
      await b.cache.set('k', 'old', { tags: ['t'] })
      expect(await a.cache.get('k')).toBe('old')
      if (change === 'set') await b.cache.set('k', 'new')
      if (change === 'delete') await b.cache.delete('k')
      if (change === 'tag') await b.cache.invalidateTag('t')
      if (change === 'clear') await b.cache.clear()
      expect(await a.cache.get('k'), change).toBe(change === 'set' ? 'new' : undefined)
    }
  })

  test('while L2 is away nothing that this process loads is kept', async () => {
    await using stage = new Stage()
    const { cache, connection } = stage.node({ l1 })
    await stage.settle()
    connection.disconnect()
    const db = new Database('v')
    await cache.getOrSet('k', db.load)
    await cache.getOrSet('k', db.load)
    expect(db.loads).toHaveLength(2)
  })
})

describe("L1 mode 'none'", () => {
  const l1 = { mode: 'none', maxStale: '1s' } as const

  test('nothing is tracked, and L1 answers for at most maxStale', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node({ l1 }), stage.node()]
    await b.cache.set('k', 'old')
    expect(await a.cache.get('k')).toBe('old')
    await b.cache.delete('k')
    await stage.advance(999)
    expect(await a.cache.get('k')).toBe('old')
    await stage.advance(1)
    expect(await a.cache.get('k')).toBeUndefined()
  })

  test('after maxStale the same object is verified by its id, not decoded again', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node({ l1 }), stage.node()]
    await b.cache.set('k', OBJECT)
    const value = await a.cache.get('k')
    await stage.advance(1_000)
    stage.server.resetStats()
    expect(await a.cache.get('k')).toBe(value)
    expect(stage.server.stats.commands.read).toBe(1)
  })

  test("a process's own invalidations leave nothing old in its L1, whatever read comes in between", async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node({ l1 }), stage.node()]
    for (const invalidate of [
      () => a.cache.delete('k'),
      () => a.cache.invalidateTag('t'),
      () => a.cache.clear(),
    ]) {
      await b.cache.set('k', 'old', { tags: ['t'] })
      const [, during] = await Promise.all([invalidate(), a.cache.get('k')])
      expect(['old', undefined]).toContain(during)
      expect(await a.cache.get('k')).toBeUndefined()
    }
  })

  test('an invalidated tag or namespace is noticed after maxStale, too', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node({ l1 }), stage.node()]
    await b.cache.setMany([['k', 'old']], { tags: ['t'] })
    await a.cache.get('k')
    await b.cache.invalidateTag('t')
    await stage.advance(1_000)
    expect(await a.cache.get('k')).toBeUndefined()
    await b.cache.set('k', 'old')
    await a.cache.get('k')
    await b.cache.clear()
    await stage.advance(1_000)
    expect(await a.cache.get('k')).toBeUndefined()
  })
})

describe('a lost connection', () => {
  test('what L1 holds is not fresh any more, however young', async () => {
    await using stage = new Stage()
    const { cache, connection } = stage.node()
    await cache.set('k', 'old')
    connection.disconnect()
    expect(await cache.get('k')).toBeUndefined()
    expect(await cache.getOrSet('k', () => 'new')).toBe('new')
  })

  test('it is served within swr, counted from the last answered heartbeat', async () => {
    await using stage = new Stage()
    const { cache, connection } = stage.node({ swr: '5s' })
    await cache.set('k', 'old')
    await stage.advance(2_000)
    connection.disconnect()
    await stage.advance(4_600)
    expect(await cache.getEntry('k')).toMatchObject({ value: 'old', state: 'stale' })
    await stage.advance(400)
    expect(await cache.get('k')).toBeUndefined()
  })

  test('it is the fallback of a failed load within staleIfError, counted likewise', async () => {
    await using stage = new Stage()
    const { cache, connection } = stage.node({ staleIfError: '5s' })
    const failing = () => Promise.reject(new Error('database down'))
    await cache.set('k', 'old')
    await stage.advance(2_000)
    connection.disconnect()
    await stage.advance(4_600)
    expect(await cache.get('k')).toBeUndefined()
    expect(await cache.getOrSet('k', failing)).toBe('old')
    await stage.advance(400)
    await expect(cache.getOrSet('k', failing)).rejects.toThrow('database down')
  })

  test('on return it is verified by id: the very same object, one read', async () => {
    await using stage = new Stage()
    const { cache, connection } = stage.node()
    await cache.set('k', OBJECT)
    const value = await cache.get('k')
    connection.disconnect()
    await stage.advance(10_000)
    connection.reconnect()
    await stage.settle()
    stage.server.resetStats()
    expect(await cache.get('k')).toBe(value)
    expect(await cache.get('k')).toBe(value)
    expect(stage.server.stats.commands.read).toBe(1)
  })

  test('on return, what others changed, deleted or invalidated meanwhile is not served', async () => {
    await using stage = new Stage()
    const options = { swr: '1h', staleIfError: '1h' } as const
    const [a, b] = [stage.node(options), stage.node(options)]
    const entries = ['changed', 'deleted', 'tagged', 'expired'].map((key) => [key, 'old'] as const)
    await b.cache.setMany(entries, { tags: ['t'] })
    await b.cache.set('changed', 'old')
    await b.cache.set('deleted', 'old')
    await b.cache.set('expired', 'old')
    await a.cache.getMany(entries.map(([key]) => key))
    a.connection.disconnect()
    await b.cache.set('changed', 'new')
    await b.cache.delete('deleted')
    await b.cache.invalidateTag('t')
    await b.cache.expire('expired')
    a.connection.reconnect()
    expect(await a.cache.getMany(['changed', 'deleted', 'tagged'])).toEqual(['new', undefined, undefined])
    expect(await a.cache.getEntry('expired')).toMatchObject({ value: 'old', state: 'stale' })
  })

  test('a connection in between verifies only what was read on it', async () => {
    await using stage = new Stage()
    const { cache, connection } = stage.node({ swr: '5s' })
    await cache.setMany([
      ['untouched', 'old'],
      ['read', 'old'],
    ])
    connection.disconnect()
    connection.reconnect()
    await stage.advance(10_000)
    expect(await cache.get('read')).toBe('old')
    connection.disconnect()
    expect(await cache.getMany(['untouched', 'read'])).toEqual([undefined, 'old'])
  })

  test('what proved absent on return is dropped: it is no fallback for the next outage', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node({ swr: '1h' }), stage.node()]
    await a.cache.set('k', 'old')
    a.connection.disconnect()
    expect(await a.cache.get('k')).toBe('old')
    await b.cache.delete('k')
    a.connection.reconnect()
    expect(await a.cache.get('k')).toBeUndefined()
    a.connection.disconnect()
    expect(await a.cache.get('k')).toBeUndefined()
  })

  test('what this process loaded around L2 is no answer to an exact read', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await a.cache.get('warm-up')
    // Never read: no push will tell of it.
    stage.server.failNext('read')
    stage.server.failNext('acquire')
    expect(await a.cache.getOrSet('k', () => 'loaded alone')).toBe('loaded alone')
    await b.cache.set('k', 'shared')
    // Within Δ of its load.
    expect(await a.cache.get('k')).toBe('loaded alone')
    expect(await a.cache.get('k', { consistency: 'strong' })).toBe('shared')
  })

  test('a hot key loads once per Δ: what is loaded while away lives until its loadStart + Δ', async () => {
    await using stage = new Stage()
    const { cache, connection } = stage.node({ l1: { maxStale: '1s' } })
    await stage.settle()
    connection.disconnect()
    const db = new Database('v')
    db.hold()
    const first = watched(cache.getOrSet('k', db.load))
    await stage.advance(400)
    db.release()
    await stage.settle()
    expect(first()).toEqual({ value: 'v' })
    await stage.advance(599)
    await cache.getOrSet('k', db.load)
    expect(db.loads).toHaveLength(1)
    await stage.advance(1)
    await cache.getOrSet('k', db.load)
    expect(db.loads).toHaveLength(2)
    for (let i = 0; i < 100; i++) {
      await stage.advance(100)
      await Promise.all([1, 2, 3].map(() => cache.getOrSet('k', db.load)))
    }
    expect(db.loads.length).toBeLessThanOrEqual(12)
  })

  test('what was loaded while away is not served once L2 is back', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await stage.settle()
    a.connection.disconnect()
    expect(await a.cache.getOrSet('k', () => 'loaded alone')).toBe('loaded alone')
    await b.cache.set('k', 'shared')
    a.connection.reconnect()
    expect(await a.cache.get('k')).toBe('shared')
    expect(await a.cache.getOrSet('other', () => 'v')).toBe('v')
  })

  test('an absent L2 costs no wait', async () => {
    await using stage = new Stage()
    const { cache, connection } = stage.node()
    await stage.settle()
    connection.disconnect()
    const call = watched(cache.getOrSet('k', () => 'v'))
    await stage.settle()
    expect(call()).toEqual({ value: 'v' })
  })

  test('a load that was under way when the connection was lost is answered', async () => {
    await using stage = new Stage()
    const { cache, connection } = stage.node()
    const db = new Database('v')
    db.hold()
    const call = watched(cache.getOrSet('k', db.load))
    await stage.settle()
    connection.disconnect()
    db.release()
    await stage.settle()
    expect(call()).toEqual({ value: 'v' })
  })
})

describe('the first connection', () => {
  test('is waited for within l2Timeout, so that a new process does not go around L2', async () => {
    await using stage = new Stage()
    await stage.node().cache.set('k', 'shared')
    stage.server.stop()
    const { cache } = stage.node()
    const calls = [
      watched(cache.getOrSet('k', () => 'loaded')),
      watched(cache.get('k')),
      watched(cache.delete('other')),
      watched(cache.set('put', 'v')),
    ]
    await stage.advance(200)
    expect(calls.map((call) => call())).toEqual(['pending', 'pending', 'pending', 'pending'])
    stage.server.start()
    await stage.settle()
    expect(calls.map((call) => call())).toEqual([
      { value: 'shared' },
      { value: 'shared' },
      { value: { l2: 'applied' } },
      { value: { l2: 'applied', stored: true } },
    ])
  })

  test('is waited for no longer than l2Timeout, and only once', async () => {
    await using stage = new Stage()
    stage.server.stop()
    const { cache } = stage.node({ l2Timeout: '250ms' })
    const first = watched(cache.getOrSet('k', () => 'v'))
    await stage.advance(249)
    expect(first()).toBe('pending')
    await stage.advance(1)
    expect(first()).toEqual({ value: 'v' })
    const second = watched(cache.getOrSet('k2', () => 'v'))
    await stage.settle()
    expect(second()).toEqual({ value: 'v' })
    stage.server.start()
    await stage.settle()
    expect(await cache.set('k', 'v')).toEqual({ l2: 'applied', stored: true })
  })
})
