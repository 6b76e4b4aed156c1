import { describe, expect, test } from 'vitest'
import type { Cache } from './cache.ts'
import { errorOf } from './testing/outcome.ts'
import { Stage } from './testing/stage.ts'

const tiers: Record<string, (stage: Stage) => Cache> = {
  'L1 alone': (stage) => stage.alone(),
  'L1 and L2': (stage) => stage.node().cache,
}

describe.each(Object.entries(tiers))('reading: %s', (_, open) => {
  test('get, has, ttl, getEntry and getMany of what is there and what is not', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    await cache.set('k', 'v', { ttl: '10s' })
    await stage.advance(4_000)
    expect(await cache.get('k')).toBe('v')
    expect(await cache.has('k')).toBe(true)
    expect(await cache.ttl('k')).toBe(6_000)
    expect(await cache.getEntry('k')).toEqual({ value: 'v', state: 'fresh', ageMs: 4_000, tier: 'l1' })
    expect(await cache.getMany(['x', 'k', 'x', 'k'])).toEqual([undefined, 'v', undefined, 'v'])
    expect(await cache.get('x')).toBeUndefined()
    expect(await cache.has('x')).toBe(false)
    expect(await cache.ttl('x')).toBeUndefined()
    expect(await cache.getEntry('x')).toBeUndefined()
  })

  test('a stale value has no time left, and is there within swr only', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    await cache.set('k', 'v', { ttl: '1s', swr: '1s', staleIfError: '1h' })
    await stage.advance(1_500)
    expect(await cache.getEntry('k', { swr: '1s' })).toMatchObject({ state: 'stale', ageMs: 1_500 })
    expect(await cache.getEntry('k')).toBeUndefined()
    expect(await cache.has('k', { swr: '1s' })).toBe(true)
    expect(await cache.get('k', { swr: '100ms' })).toBeUndefined()
  })

  test('each call counts as exactly one request, whatever it is and finds', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    await cache.set('k', 'v')
    await cache.set('null', null, { negativeTtl: '1m' })
    await cache.set('stale', 'v', { ttl: '1s', swr: '1h' })
    await stage.advance(2_000)
    const swr = { swr: '1h' } as const
    const calls: [string, number, () => Promise<unknown>][] = [
      ['get hit', 1, () => cache.get('k')],
      ['get miss', 1, () => cache.get('x')],
      ['get negative', 1, () => cache.get('null')],
      ['get stale', 1, () => cache.get('stale', swr)],
      ['getEntry hit', 1, () => cache.getEntry('k')],
      ['getEntry miss', 1, () => cache.getEntry('x')],
      ['has', 1, () => cache.has('k')],
      ['ttl', 1, () => cache.ttl('k')],
      ['getMany of three', 3, () => cache.getMany(['k', 'x', 'k'])],
      ['getOrSet hit', 1, () => cache.getOrSet('k', () => 'unused')],
      ['getOrSet stale', 1, () => cache.getOrSet('stale', () => 'v', { ttl: '1s', ...swr })],
      ['getOrSet miss', 1, () => cache.getOrSet('new', () => 'v')],
      ['getOrSet nothing', 1, () => cache.getOrSet('nothing', () => undefined)],
      ['getOrSet error', 1, () => errorOf(cache.getOrSet('fails', () => Promise.reject(new Error('down'))))],
      ['getOrSet together', 5, () => Promise.all([1, 2, 3, 4, 5].map(() => cache.getOrSet('t', () => 'v')))],
      [
        'getOrSetMany of two different',
        2,
        () => cache.getOrSetMany(['m1', 'm2', 'm1'], (keys) => keys.map(() => 1)),
      ],
      ['refresh', 1, () => cache.refresh('k', () => 'v')],
      ['reserve hit', 1, () => cache.reserve('k')],
      ['reserve miss', 1, async () => (await cache.reserve('r')).release?.()],
      [
        'set, delete, expire, tags',
        0,
        () =>
          Promise.all([cache.set('s', 1), cache.delete('s'), cache.expire('s'), cache.invalidateTag('t')]),
      ],
      ['explain, stats', 0, async () => [await cache.explain('k'), cache.stats()]],
    ]
    for (const [what, expected, call] of calls) {
      const before = cache.stats().requests
      await call()
      await stage.settle()
      expect(cache.stats().requests - before, what).toBe(expected)
    }
  })

  test('outcomes: hits, stale hits, negative hits, misses and coalesced calls add up', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    await Promise.all([1, 2, 3].map(() => cache.getOrSet('k', () => 'v')))
    await cache.getOrSet('k', () => 'unused')
    await cache.get('x')
    await cache.set('null', null, { negativeTtl: '1m' })
    await cache.get('null')
    const stats = cache.stats()
    expect(stats).toMatchObject({
      requests: 6,
      coalesced: 2,
      loads: 1,
      hits: { l1: 1, l2: 0 },
      negativeHits: { l1: 1 },
    })
    expect(stats.misses.cold).toBe(2)
    expect(stats.hitRate).toBeCloseTo(2 / 6)
  })

  test('a miss says why: cold, expired, evicted, invalidated, tag, error, bypass', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const reasonOf = async (read: () => Promise<unknown>): Promise<string[]> => {
      const before = cache.stats().misses
      await read()
      await stage.settle()
      const after = Object.entries(cache.stats().misses)
      return after
        .filter(([reason, count]) => count !== Object.entries(before).find(([name]) => name === reason)?.[1])
        .map(([reason]) => reason)
    }
    expect(await reasonOf(() => cache.get('k'))).toEqual(['cold'])
    await cache.set('k', 'v', { ttl: '1s' })
    await stage.advance(1_000)
    expect(await reasonOf(() => cache.get('k'))).toEqual(['expired'])
    expect(await reasonOf(() => cache.get('k'))).toEqual(['cold'])
    await cache.set('k', 'v', { ttl: '1s', staleIfError: '1h' })
    await stage.advance(1_000)
    expect(await reasonOf(() => cache.get('k'))).toEqual(['expired'])
    await cache.set('k', 'v')
    await cache.delete('k')
    expect(await reasonOf(() => cache.get('k'))).toEqual(['invalidated'])
    await cache.set('k', 'v', { tags: ['t'] })
    await cache.invalidateTag('t')
    expect(await reasonOf(() => cache.get('k'))).toEqual(['tag'])
    expect(
      await reasonOf(() => errorOf(cache.getOrSet('k', () => Promise.reject(new Error('down'))))),
    ).toEqual(['error'])
    expect(await reasonOf(() => cache.refresh('k', () => 'v'))).toEqual(['bypass'])
  })
})

describe('eviction', () => {
  test('L1 keeps within its entries, counts what left, and the next miss says evicted, in any namespace', async () => {
    await using stage = new Stage()
    const cache = stage.alone({ l1: { maxEntries: 2 } })
    const inner = cache.namespace('inner')
    await inner.set('a', 1)
    await cache.set('b', 2)
    await cache.set('c', 3)
    expect(cache.stats().l1).toMatchObject({ entries: 2, evictions: 1 })
    expect(await inner.get('a')).toBeUndefined()
    expect(cache.stats().misses).toMatchObject({ evicted: 1, cold: 0 })
  })

  test('L1 keeps within its bytes', async () => {
    await using stage = new Stage()
    const cache = stage.alone({ l1: { maxBytes: '10kb' } })
    for (let i = 0; i < 100; i++) await cache.set(`k${i}`, 'x'.repeat(1_000))
    const { bytes, entries } = cache.stats().l1
    expect(bytes).toBeLessThanOrEqual(10_240)
    expect(entries).toBeGreaterThan(2)
    expect(await cache.get('k99')).toBe('x'.repeat(1_000))
  })

  test('entries that nobody asks for any more are swept', async () => {
    await using stage = new Stage()
    const cache = stage.alone()
    await cache.setMany(
      Array.from({ length: 500 }, (_, i) => [`k${i}`, i] as const),
      { ttl: '1s' },
    )
    expect(cache.stats().l1.entries).toBe(500)
    await stage.advance(1_200)
    expect(cache.stats().l1).toMatchObject({ entries: 0, expirations: 500 })
  })

  test('L2 answers what L1 evicted', async () => {
    await using stage = new Stage()
    const { cache } = stage.node({ l1: { maxEntries: 1 } })
    await cache.set('a', 1)
    await cache.set('b', 2)
    expect(await cache.getEntry('a')).toMatchObject({ value: 1, tier: 'l2' })
    expect(await cache.getEntry('a')).toMatchObject({ value: 1, tier: 'l1' })
  })
})
