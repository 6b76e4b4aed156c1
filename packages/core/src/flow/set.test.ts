import { describe, expect, test } from 'vitest'
import { Database } from '../testing/database.ts'
import { codeOf, errorOf, watched } from '../testing/outcome.ts'
import { Stage } from '../testing/stage.ts'
import { SLICE_MAX } from './in-slices.ts'

describe('set', () => {
  test('stores on both tiers in one round trip, tags included; the last to arrive wins', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await a.cache.get('warm-up')
    stage.server.resetStats()
    expect(await a.cache.set('k', 'first', { tags: ['t', 'u'] })).toEqual({ l2: 'applied', stored: true })
    expect(stage.server.stats.roundTrips).toBe(1)
    expect(await a.cache.get('k')).toBe('first')
    expect(stage.server.stats.roundTrips).toBe(1)
    await b.cache.set('k', 'second')
    await stage.settle()
    expect(await a.cache.get('k')).toBe('second')
  })

  test('a load that began before it does not replace it, on this node or another', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node().cache, stage.node().cache]
    const lone = stage.alone()
    for (const [loading, setting] of [
      [a, a],
      [a, b],
      [lone, lone],
    ] as const) {
      const db = new Database('old')
      db.hold()
      watched(loading.getOrSet('k', db.load))
      await stage.settle()
      await setting.set('k', 'set')
      db.release()
      await stage.settle()
      expect(await loading.get('k')).toBe('set')
      expect(await setting.get('k')).toBe('set')
      await setting.delete('k')
    }
  })

  test('values, lives and tags come along: derived tags, ttl, negativeTtl', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await a.cache.set('k', { org: 7 }, { ttl: '1s', tags: (row) => [`org:${row.org}`] })
    expect(await b.cache.ttl('k')).toBe(1_000)
    await a.cache.set('missing', null, { negativeTtl: '2s' })
    expect(await b.cache.ttl('missing')).toBe(2_000)
    await b.cache.invalidateTag('org:7')
    await stage.settle()
    expect(await a.cache.get('k')).toBeUndefined()
  })

  test('while L2 is away the key is deleted instead, and the answer says queued', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await b.cache.set('k', 'old')
    a.connection.disconnect()
    expect(await a.cache.set('k', 'new')).toEqual({ l2: 'queued', stored: false })
    a.connection.reconnect()
    await stage.advance(100)
    expect(await b.cache.get('k')).toBeUndefined()
  })

  test('a put that fails or gets no answer deletes the key before this process uses L2 again', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await b.cache.set('k', 'old')
    stage.server.failNext('put')
    expect(await a.cache.set('k', 'new')).toEqual({ l2: 'queued', stored: false })
    expect(await a.cache.get('k')).toBeUndefined()
    await stage.advance(100)
    expect(await b.cache.get('k')).toBeUndefined()
    await b.cache.set('k', 'old')
    stage.server.pause()
    const put = watched(a.cache.set('k', 'new'))
    await stage.advance(250)
    expect(put()).toEqual({ value: { l2: 'queued', stored: false } })
    stage.server.resume()
    await stage.advance(1_000)
    // The server refuses what arrived before but ran after its deadline.
    expect(await b.cache.get('k')).toBeUndefined()
  })

  test('a read that overtakes the deletion behind a refused put leaves nothing old in L1', async () => {
    await using stage = new Stage()
    const b = stage.node()
    const reads: Promise<unknown>[] = []
    const { cache } = stage.node({
      l1: { mode: 'none' },
      onEvent: (event) => {
        if (event.type === 'trouble') queueMicrotask(() => reads.push(cache.get('k')))
      },
    })
    await b.cache.set('k', 'old')
    stage.server.failNext('put')
    expect(await cache.set('k', 'new')).toEqual({ l2: 'queued', stored: false })
    expect(await Promise.all(reads)).toEqual(['old'])
    expect(await cache.get('k')).toBeUndefined()
  })

  test('what cannot be kept is refused by its path, and leaves what was there', async () => {
    await using stage = new Stage()
    for (const cache of [stage.node().cache, stage.alone()]) {
      await cache.set('k', 'before')
      expect(await errorOf(cache.set('k', { a: [() => 1] }))).toMatchObject({ code: 'unsupported_value' })
      expect(String(await errorOf(cache.set('k', { a: [() => 1] })))).toContain('a[0]')
      expect(await codeOf(cache.set('k', undefined))).toBe('unsupported_value')
      expect(await cache.get('k')).toBe('before')
    }
  })

  test('a value above maxValueBytes is refused; a loader may answer one, it is not stored', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node({ maxValueBytes: 100 }), stage.node()]
    const large = 'x'.repeat(200)
    expect(await codeOf(a.cache.set('k', large))).toBe('value_too_large')
    expect(await a.cache.getOrSet('k', () => large)).toBe(large)
    expect(await b.cache.get('k')).toBeUndefined()
  })

  test("policy 'none': a full L1 refuses a set, and never a load", async () => {
    await using stage = new Stage()
    const cache = stage.alone({ l1: { maxEntries: 1, policy: 'none' } })
    await cache.set('a', 1)
    expect(await codeOf(cache.set('b', 2))).toBe('l1_full')
    expect(await cache.getOrSet('b', () => 2)).toBe(2)
    expect(await cache.getMany(['a', 'b'])).toEqual([1, undefined])
  })

  test('under the quarantine of a writer it deletes instead', async () => {
    await using stage = new Stage()
    const [writer, other] = [stage.node(), stage.node()]
    await writer.cache.write({ keys: ['k'] }, async () => {
      expect(await other.cache.set('k', 'old')).toEqual({ l2: 'applied', stored: false })
      expect(await other.cache.get('k')).toBeUndefined()
    })
    expect(await other.cache.get('k')).toBeUndefined()
  })

  test('where there is no tier it stores nothing, and says so', async () => {
    await using stage = new Stage()
    expect(await stage.alone({ l1: false }).set('k', 'v')).toEqual({ l2: 'applied', stored: false })
    expect(await stage.alone().set('k', 'v')).toEqual({ l2: 'applied', stored: true })
  })

  test('setMany says stored only if every one is', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await b.cache.write({ keys: ['busy'] }, async () => {
      const entries = [
        ['free', 1],
        ['busy', 2],
      ] as const
      expect(await a.cache.setMany(entries)).toEqual({ l2: 'applied', stored: false })
      expect(await a.cache.getMany(['free', 'busy'])).toEqual([1, undefined])
    })
  })

  test('setMany stores all, pipelined, and says queued if one of them is', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await a.cache.get('warm-up')
    stage.server.resetStats()
    const entries = new Map([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ])
    expect(await a.cache.setMany(entries)).toEqual({ l2: 'applied', stored: true })
    expect(stage.server.stats.roundTrips).toBe(1)
    expect(await b.cache.getMany(['c', 'a', 'b'])).toEqual([3, 1, 2])
    stage.server.failNext('put')
    expect(await a.cache.setMany(entries)).toEqual({ l2: 'queued', stored: false })
  })

  test('setMany: a value that is refused keeps none of the others from being stored, in no slice', async () => {
    await using stage = new Stage()
    const [{ cache }, other] = [stage.node(), stage.node().cache]
    const entries: [string, unknown][] = Array.from({ length: SLICE_MAX + 1 }, (_, i) => [`k${i}`, i])
    entries[0] = ['k0', Symbol('refused')]
    expect(await codeOf(cache.setMany(entries))).toBe('unsupported_value')
    expect(await other.getMany(['k1', `k${SLICE_MAX}`])).toEqual([1, SLICE_MAX])
  })

  test('a put that is refused, and whose removal is not acknowledged, is told of once', async () => {
    await using stage = new Stage()
    const told: string[] = []
    const { cache } = stage.node({ onEvent: ({ type }) => told.push(type) })
    await cache.get('warm-up')
    told.length = 0
    const before = cache.stats().l2Errors
    stage.server.failNext('put')
    stage.server.failNext('invalidate')
    expect(await cache.set('k', 'new')).toEqual({ l2: 'queued', stored: false })
    expect([told, cache.stats().l2Errors - before]).toEqual([['trouble'], 1])
  })
})

describe('set with a version', () => {
  test('replaces only an existing entry of a lower version', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await a.cache.set('k', 'v0')
    for (const [version, expected, stored] of [
      [5n, 'v5', true],
      [4n, 'v5', false],
      [5n, 'v5', false],
      [6n, 'v6', true],
    ] as const) {
      expect(await b.cache.set('k', `v${version}`, { version })).toEqual({ l2: 'applied', stored })
      await stage.settle()
      expect([await a.cache.get('k'), await b.cache.get('k')]).toEqual([expected, expected])
    }
  })

  test('never plants itself where there is no entry', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    expect(await a.cache.set('k', 'old', { version: 1n })).toEqual({ l2: 'applied', stored: false })
    expect(await a.cache.get('k')).toBeUndefined()
    expect(await b.cache.get('k')).toBeUndefined()
  })

  test('voids a load under way, stored or not', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    const db = new Database('old')
    db.hold()
    watched(a.cache.getOrSet('k', db.load))
    await stage.settle()
    db.value = 'new'
    await b.cache.set('k', 'delayed', { version: 1n })
    db.release()
    await stage.settle()
    expect(await b.cache.getOrSet('k', db.load)).toBe('new')
  })

  test('a version that is no bigint is refused', async () => {
    await using stage = new Stage()
    const options: object = { version: 1 }
    expect(await codeOf(stage.node().cache.set('k', 'v', options))).toBe('invalid_argument')
  })
})
