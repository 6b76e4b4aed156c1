import { describe, expect, test } from 'vitest'
import type { Cache } from '../cache.ts'
import { Database } from '../testing/database.ts'
import { codeOf, errorOf, watched } from '../testing/outcome.ts'
import { Stage } from '../testing/stage.ts'
import { SLICE_MAX } from './in-slices.ts'

type Invalidate = (cache: Cache, options?: { require?: 'applied' }) => Promise<{ l2: 'applied' | 'queued' }>

const invalidations: Record<string, Invalidate> = {
  delete: (cache, options) => cache.delete('k', options),
  deleteMany: (cache, options) => cache.deleteMany(['x', 'k'], options),
  expire: (cache, options) => cache.expire('k', options),
  invalidateTag: (cache, options) => cache.invalidateTag('t', options),
  invalidateTags: (cache, options) => cache.invalidateTags(['x', 't'], options),
  expireTag: (cache, options) => cache.expireTag('t', options),
  clear: (cache, options) => cache.clear(options),
}
const hard = Object.entries(invalidations).filter(([name]) => !name.startsWith('expire'))
const soft = Object.entries(invalidations).filter(([name]) => name.startsWith('expire'))

describe.each(Object.entries(invalidations))('%s', (_, invalidate) => {
  test("says 'applied' when L2 has acknowledged, and without L2", async () => {
    await using stage = new Stage()
    expect(await invalidate(stage.node().cache)).toEqual({ l2: 'applied' })
    expect(await invalidate(stage.alone())).toEqual({ l2: 'applied' })
  })

  test("says 'queued' while L2 is away, and applies it on return", async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await b.cache.set('k', 'old', { tags: ['t'] })
    a.connection.disconnect()
    expect(await invalidate(a.cache)).toEqual({ l2: 'queued' })
    expect(a.cache.stats().l2.queuedInvalidations).toBeGreaterThan(0)
    a.connection.reconnect()
    await stage.advance(100)
    expect(a.cache.stats().l2.queuedInvalidations).toBe(0)
    expect(await b.cache.get('k')).toBeUndefined()
  })

  test("says 'queued' when L2 does not answer within l2Timeout", async () => {
    await using stage = new Stage()
    const { cache } = stage.node({ l2Timeout: '250ms' })
    await cache.get('warm-up')
    stage.server.pause()
    const asked = watched(invalidate(cache))
    await stage.advance(249)
    expect(asked()).toBe('pending')
    await stage.advance(1)
    expect(asked()).toEqual({ value: { l2: 'queued' } })
  })

  test("require 'applied' rejects instead, holds here all the same, and is queued", async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node({ swr: '1h', staleIfError: '1h' }), stage.node()]
    await a.cache.set('k', 'old', { tags: ['t'] })
    a.connection.disconnect()
    const error = await errorOf(invalidate(a.cache, { require: 'applied' }))
    expect(error).toMatchObject({ code: 'not_applied', tier: 'l2', retryable: true })
    expect(error).toHaveProperty('cause.code', 'l2_unavailable')
    a.connection.reconnect()
    await stage.advance(100)
    expect(await b.cache.get('k')).toBeUndefined()
    expect(await invalidate(a.cache, { require: 'applied' })).toEqual({ l2: 'applied' })
  })

  test('of one namespace leaves the others alone, on both tiers', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node().cache, stage.node().cache]
    const lone = stage.alone()
    for (const [acting, reading] of [
      [a, b],
      [a, a],
      [lone, lone],
    ] as const) {
      const others = [reading.namespace('inner'), reading.namespace('inner').namespace('nested')]
      await reading.set('k', 'mine', { tags: ['t'] })
      for (const other of others) await other.set('k', 'kept', { tags: ['t'] })
      await invalidate(acting)
      await stage.settle()
      expect(await reading.get('k')).toBeUndefined()
      for (const other of others) expect(await other.get('k')).toBe('kept')
      await invalidate(acting.namespace('inner'))
      await stage.settle()
      expect(await others[0]?.get('k')).toBeUndefined()
      expect(await others[1]?.get('k')).toBe('kept')
    }
  })

  test('voids the loads that run, on this node and on others: nothing of them is fresh afterwards', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    for (const loading of [a.cache, b.cache, stage.alone()]) {
      const db = new Database('old')
      db.hold()
      const call = watched(loading.getOrSet('k', db.load, { tags: ['t'] }))
      await stage.settle()
      db.value = 'new'
      await invalidate(loading === b.cache ? a.cache : loading)
      db.release()
      await stage.settle()
      expect(call()).toEqual({ value: 'old' })
      expect(await loading.getOrSet('k', db.load, { tags: ['t'] })).toBe('new')
      await loading.delete('k')
    }
  })

  test('of names that never existed does nothing', async () => {
    await using stage = new Stage()
    const { cache } = stage.node()
    await cache.namespace('kept').set('k', 'v')
    expect(await invalidate(cache)).toEqual({ l2: 'applied' })
    expect(await cache.namespace('kept').get('k')).toBe('v')
  })
})

describe.each(hard)('%s', (_, invalidate) => {
  test('removes the value on every node, stale windows or not', async () => {
    await using stage = new Stage()
    const windows = { swr: '1h', staleIfError: '1h' } as const
    const [a, b] = [stage.node(windows), stage.node(windows)]
    await a.cache.set('k', 'old', { tags: ['t'] })
    await b.cache.get('k')
    await invalidate(a.cache)
    await stage.settle()
    for (const { cache } of [a, b]) {
      expect(await cache.get('k')).toBeUndefined()
      const failing = () => Promise.reject(new Error('database down'))
      await expect(cache.getOrSet('k', failing)).rejects.toThrow('database down')
    }
  })

  test('empties L1 of this process before L2 is even asked', async () => {
    await using stage = new Stage()
    const { cache, connection } = stage.node({ swr: '1h', staleIfError: '1h' })
    await cache.set('k', 'old', { tags: ['t'] })
    connection.hold()
    const asked = watched(invalidate(cache))
    const read = watched(cache.get('k'))
    await stage.settle()
    expect([asked(), read()]).toEqual(['pending', 'pending'])
    connection.release()
    await stage.settle()
    expect(asked()).toEqual({ value: { l2: 'applied' } })
    expect(await cache.get('k')).toBeUndefined()
  })

  test('holds in this process while it is queued', async () => {
    await using stage = new Stage()
    const { cache, connection } = stage.node({ swr: '1h', staleIfError: '1h' })
    await cache.set('k', 'old', { tags: ['t'] })
    connection.disconnect()
    await invalidate(cache)
    expect(await cache.get('k')).toBeUndefined()
    await expect(cache.getOrSet('k', () => Promise.reject(new Error('down')))).rejects.toThrow('down')
    expect(await cache.getOrSet('k', () => 'new')).toBe('new')
    expect(await cache.get('k')).toBe('new')
  })

  test('works when the memory of L2 is full', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await a.cache.set('k', 'old', { tags: ['t'] })
    await b.cache.get('k')
    stage.server.outOfMemory = true
    expect(await invalidate(a.cache)).toEqual({ l2: 'applied' })
    await stage.settle()
    expect(await b.cache.get('k')).toBeUndefined()
  })
})

describe.each(soft)('%s', (_, invalidate) => {
  test('keeps the value as stale: served within swr while one load refreshes it', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node({ swr: '1h' }), stage.node({ swr: '1h' })]
    for (const [acting, reading] of [
      [a.cache, a.cache],
      [a.cache, b.cache],
    ] as const) {
      await acting.set('k', 'old', { tags: ['t'] })
      await reading.get('k')
      await invalidate(acting)
      await stage.settle()
      expect(await reading.getEntry('k')).toMatchObject({ value: 'old', state: 'stale' })
      const db = new Database('new')
      db.hold()
      expect(await reading.getOrSet('k', db.load, { tags: ['t'] })).toBe('old')
      expect(await reading.getOrSet('k', db.load, { tags: ['t'] })).toBe('old')
      await stage.settle()
      expect(db.loads).toHaveLength(1)
      db.release()
      await stage.settle()
      expect(await reading.getEntry('k')).toMatchObject({ value: 'new', state: 'fresh' })
    }
  })

  test('without L2, too', async () => {
    await using stage = new Stage()
    const cache = stage.alone({ swr: '1h' })
    await cache.set('k', 'old', { tags: ['t'] })
    await invalidate(cache)
    expect(await cache.getEntry('k')).toMatchObject({ value: 'old', state: 'stale' })
    expect(await cache.getOrSet('k', () => 'new', { tags: ['t'] })).toBe('old')
    await stage.settle()
    expect(await cache.getEntry('k')).toMatchObject({ value: 'new', state: 'fresh' })
  })

  test('and is the fallback of a failed load within staleIfError', async () => {
    await using stage = new Stage()
    const { cache } = stage.node({ staleIfError: '1h' })
    await cache.set('k', 'old', { tags: ['t'] })
    await invalidate(cache)
    await stage.settle()
    expect(await cache.get('k')).toBeUndefined()
    expect(await cache.getOrSet('k', () => Promise.reject(new Error('down')))).toBe('old')
    await expect(cache.getOrSet('gone', () => Promise.reject(new Error('down')))).rejects.toThrow('down')
  })
})

test('a tag reaches any number of entries with two commands', async () => {
  await using stage = new Stage()
  const [a, b] = [stage.node(), stage.node()]
  const entries = Array.from({ length: 1_000 }, (_, i) => [`k${i}`, i] as const)
  await a.cache.setMany(entries, { tags: ['t'] })
  await b.cache.getMany(entries.map(([key]) => key))
  stage.server.resetStats()
  await a.cache.invalidateTag('t')
  await stage.settle()
  expect(stage.server.stats.roundTrips).toBe(1)
  const left = await b.cache.getMany(entries.map(([key]) => key))
  expect(left.filter((value) => value !== undefined)).toEqual([])
})

test('deleteMany: where one slice is not applied, those behind it are deleted all the same', async () => {
  await using stage = new Stage()
  const [{ cache }, other] = [stage.node(), stage.node().cache]
  const keys = Array.from({ length: SLICE_MAX + 1 }, (_, i) => `k${i}`)
  await other.set(`k${SLICE_MAX}`, 'old')
  await cache.get('warm-up')
  stage.server.failNext('invalidate')
  expect(await codeOf(cache.deleteMany(keys, { require: 'applied' }))).toBe('not_applied')
  expect(await other.get(`k${SLICE_MAX}`)).toBeUndefined()
})

test('an unknown word for require is refused', async () => {
  await using stage = new Stage()
  const { cache } = stage.node()
  const options: { require: 'applied' } = JSON.parse('{"require":"queued"}')
  expect(await codeOf(cache.delete('k', options))).toBe('invalid_argument')
  const misspelt: object = { requires: 'applied' }
  expect(String(await errorOf(cache.delete('k', misspelt)))).toContain('did you mean require?')
})

test('tags that are no array are refused by what they may be here', async () => {
  await using stage = new Stage()
  const tags: readonly string[] = JSON.parse('"a"')
  const error = await errorOf(stage.node().cache.invalidateTags(tags))
  expect(String(error)).toContain('tags: expected an array of strings, got "a"')
})
