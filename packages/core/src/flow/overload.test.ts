/** Loads have places: maxConcurrentLoads of them. */
import { describe, expect, test } from 'vitest'
import { Database } from '../testing/database.ts'
import { codeOf, watched } from '../testing/outcome.ts'
import { Stage } from '../testing/stage.ts'

const keysTo = (count: number) => Array.from({ length: count }, (_, i) => `k${i}`)

describe.each(['alone', 'over L2'])('%s', (how) => {
  const open = (stage: Stage, options: Parameters<Stage['alone']>[0]) =>
    how === 'alone' ? stage.alone(options) : stage.node(options).cache

  test('no more loaders run at once than are allowed; the others have their turn', async () => {
    await using stage = new Stage()
    const cache = open(stage, { maxConcurrentLoads: 3 })
    const db = new Database('value')
    db.hold()
    const calls = keysTo(20).map((key) => watched(cache.getOrSet(key, db.load)))
    await stage.settle()
    expect(db.loads).toHaveLength(3)
    expect(cache.stats().running).toEqual({ loads: 3, waiting: 17 })
    for (let done = 0; done < 20; done++) {
      db.loads[done]?.finish()
      await stage.settle()
    }
    expect(calls.map((call) => call())).toEqual(calls.map(() => ({ value: 'value' })))
    expect(db.runningMax).toBe(3)
    expect(cache.stats().running).toEqual({ loads: 0, waiting: 0 })
  })

  test('who waits for a place longer than hardTimeout hears of it, and so do those who joined', async () => {
    await using stage = new Stage()
    const cache = open(stage, { maxConcurrentLoads: 1, hardTimeout: '1s' })
    const db = new Database('value')
    db.hold()
    const first = watched(cache.getOrSet('first', db.load, { hardTimeout: '10s' }))
    await stage.settle()
    const [second, joined] = [1, 2].map(() => watched(cache.getOrSet('second', db.load)))
    await stage.settle()
    await stage.advance(1_000)
    expect([second?.(), joined?.()]).toEqual([{ error: 'overloaded' }, { error: 'overloaded' }])
    db.release()
    await stage.settle()
    expect(first()).toEqual({ value: 'value' })
    expect(await cache.getOrSet('second', db.load)).toBe('value')
  })

  test('a refresh behind a stale value is left out rather than made to wait', async () => {
    await using stage = new Stage()
    const cache = open(stage, { maxConcurrentLoads: 1, ttl: '1s', swr: '1h' })
    await cache.getOrSet('stale', () => 'old')
    await stage.advance(1_000)
    const db = new Database('value')
    db.hold()
    const first = watched(cache.getOrSet('first', db.load))
    await stage.settle()
    expect(await cache.getOrSet('stale', db.load)).toBe('old')
    await stage.settle()
    expect(cache.stats().running).toEqual({ loads: 1, waiting: 0 })
    db.release()
    await stage.settle()
    expect(first()).toEqual({ value: 'value' })
  })

  test('a load inside of a load waits for no place: it would be its own', async () => {
    await using stage = new Stage()
    const cache = open(stage, { maxConcurrentLoads: 2, hardTimeout: '5s' })
    const nested = (key: string, depth: number): Promise<string> =>
      cache.getOrSet(`${key}/${depth}`, async () => (depth === 0 ? 'leaf' : await nested(key, depth - 1)))
    const calls = keysTo(10).map((key) => watched(nested(key, 3)))
    await stage.settle()
    expect(calls.map((call) => call())).toEqual(calls.map(() => ({ value: 'leaf' })))
    const many = watched(
      cache.getOrSetMany(['a', 'b', 'c'], async (keys) =>
        Promise.all(keys.map(async (key) => await cache.getOrSet(`in ${key}`, () => key))),
      ),
    )
    await stage.settle()
    expect(many()).toEqual({ value: ['a', 'b', 'c'] })
  })

  test('a bulk load takes one place, however many its keys; a reservation takes none', async () => {
    await using stage = new Stage()
    const cache = open(stage, { maxConcurrentLoads: 1 })
    expect(await cache.getOrSetMany(keysTo(50), (keys) => [...keys])).toEqual(keysTo(50))
    const reserved = await Promise.all(keysTo(5).map((key) => cache.reserve(`r${key}`)))
    expect(await cache.getOrSet('between', () => 'loaded')).toBe('loaded')
    for (const one of reserved) await one.release?.()
    expect(cache.stats().running).toEqual({ loads: 0, waiting: 0 })
  })

  test('with a stale value a failing load is tried a few times, not by every call (F36)', async () => {
    await using stage = new Stage()
    const cache = open(stage, { ttl: '1s', staleIfError: '1h' })
    await cache.getOrSet('k', () => 'old')
    await stage.advance(1_000)
    let tries = 0
    const failing = () => {
      tries++
      return Promise.reject(new Error('database down'))
    }
    for (let second = 0; second < 120; second++) {
      for (let i = 0; i < 20; i++) expect(await cache.getOrSet('k', failing)).toBe('old')
      await stage.advance(1_000)
    }
    // After 1, 2, 4, 8, 16, then every 30 s, each less up to half.
    expect(tries).toBeGreaterThan(5)
    expect(tries).toBeLessThan(16)
    expect((await cache.getEntry('k', { swr: '1h' }))?.state).toBe('stale')
    await stage.advance(30_000)
    expect(await cache.getOrSet('k', () => 'new')).toBe('new')
  })

  test('without a stale value every call tries: an error is never cached', async () => {
    await using stage = new Stage()
    const cache = open(stage, {})
    let tries = 0
    const failing = () => {
      tries++
      throw new Error('database down')
    }
    for (let i = 0; i < 5; i++) await expect(cache.getOrSet('k', failing)).rejects.toThrow('database down')
    expect(tries).toBe(5)
  })
})

test('what is no number of loads is refused by name', async () => {
  await using stage = new Stage()
  for (const bad of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null]) {
    // @ts-expect-error what plain JavaScript may do
    expect(await codeOf((async () => stage.alone({ maxConcurrentLoads: bad }))())).toBe('invalid_argument')
  }
})
