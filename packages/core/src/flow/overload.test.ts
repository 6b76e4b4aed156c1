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
    const cache = open(stage, { maxConcurrentLoads: 1, hardTimeout: '500ms' })
    const db = new Database('value')
    db.hold()
    const first = watched(cache.getOrSet('first', db.load, { hardTimeout: '10s' }))
    await stage.settle()
    const [second, joined] = [1, 2].map(() => watched(cache.getOrSet('second', db.load)))
    await stage.settle()
    await stage.advance(500)
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

  test('300 cold loads that all ask for one more key inside of them do not wait for each other', async () => {
    await using stage = new Stage()
    const cache = open(stage, {})
    const calls = keysTo(300).map((key) =>
      watched(cache.getOrSet(key, async () => `${key} of ${await cache.getOrSet('config', () => 'config')}`)),
    )
    await stage.settle()
    expect(calls.map((call) => call())).toEqual(keysTo(300).map((key) => ({ value: `${key} of config` })))
    expect(cache.stats().running).toEqual({ loads: 0, waiting: 0 })
  })

  test('loads that wait for each other unseen go on after a second: a load begun before the rush, joined by all', async () => {
    await using stage = new Stage()
    const cache = open(stage, { maxConcurrentLoads: 4, hardTimeout: '10s' })
    const rush = Promise.withResolvers<void>()
    const config = watched(
      cache.getOrSet('config', async () => {
        await rush.promise
        return await cache.getOrSet('secret', () => 'secret')
      }),
    )
    await stage.settle()
    const users = keysTo(3).map((key) =>
      watched(cache.getOrSet(key, () => cache.getOrSet('config', () => 'never'))),
    )
    await stage.settle()
    rush.resolve()
    await stage.settle()
    await stage.advance(1_000)
    expect([config, ...users].map((call) => call())).toEqual(Array(4).fill({ value: 'secret' }))
  })

  test('two caches that ask each other from within their loaders', async () => {
    await using stage = new Stage()
    const [a, b] = ['a', 'b'].map((name) => open(stage, { name, maxConcurrentLoads: 1 }))
    const call = watched(
      Promise.resolve(a?.getOrSet('1', () => b?.getOrSet('2', () => a.getOrSet('3', () => 'leaf')))),
    )
    await stage.settle()
    await stage.advance(1_000)
    expect(call()).toEqual({ value: 'leaf' })
  })

  test('who holds a reservation that all places wait for gets another key after a second', async () => {
    await using stage = new Stage()
    const cache = open(stage, { maxConcurrentLoads: 2, hardTimeout: '10s' })
    const duty = await cache.reserve<string>('config')
    const users = keysTo(2).map((key) =>
      watched(cache.getOrSet(key, () => cache.getOrSet('config', () => 'never'))),
    )
    await stage.settle()
    const holder = watched((async () => await duty.fill?.(await cache.getOrSet('secret', () => 'secret')))())
    await stage.settle()
    await stage.advance(1_000)
    expect([holder, ...users].map((call) => call())).toEqual(Array(3).fill({ value: 'secret' }))
  })

  test('what a loader started and left behind waits for places as everyone does', async () => {
    await using stage = new Stage()
    const cache = open(stage, { maxConcurrentLoads: 2 })
    const db = new Database('value')
    db.hold()
    const go = Promise.withResolvers<void>()
    const marked = watched(cache.getOrSet('marks the next', () => go.promise.then(() => 'marked')))
    await stage.settle()
    await cache.getOrSet('poller', () => {
      go.promise.then(() => keysTo(10).map((key) => watched(cache.getOrSet(key, db.load))))
      return 'started'
    })
    go.resolve()
    await stage.settle()
    expect(db.runningMax).toBe(2)
    db.release()
    await stage.settle()
    expect(marked()).toEqual({ value: 'marked' })
  })

  test('a bulk load that gets no place is overloaded, and its loader was not asked', async () => {
    await using stage = new Stage()
    const cache = open(stage, { maxConcurrentLoads: 1, hardTimeout: '500ms' })
    const db = new Database('value')
    db.hold()
    const busy = watched(cache.getOrSet('busy', db.load, { hardTimeout: '10s' }))
    await stage.settle()
    let asked = 0
    const many = watched(
      cache.getOrSetMany(['a', 'b'], (keys) => {
        asked++
        return [...keys]
      }),
    )
    await stage.settle()
    await stage.advance(500)
    expect([many(), asked]).toEqual([{ error: 'overloaded' }, 0])
    db.release()
    await stage.settle()
    expect(busy()).toEqual({ value: 'value' })
    expect(cache.stats().running).toEqual({ loads: 0, waiting: 0 })
  })

  test('a reservation that is given back is no success of a load (F36)', async () => {
    await using stage = new Stage()
    const cache = open(stage, { ttl: '1s', staleIfError: '1h' })
    await cache.getOrSet('k', () => 'old')
    await stage.advance(1_000)
    let tries = 0
    const failing = () => {
      tries++
      return Promise.reject(new Error('database down'))
    }
    for (let i = 0; i < 20; i++) {
      expect(await cache.getOrSet('k', failing)).toBe('old')
      await (await cache.reserve('k')).release?.()
    }
    expect(tries).toBe(1)
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

test('a bulk load gives its place back while one of its keys waits for a load that waits for a place', async () => {
  await using stage = new Stage()
  const { cache } = stage.node({ maxConcurrentLoads: 1 })
  const db = new Database('value')
  db.hold()
  const busy = watched(cache.getOrSet('busy', db.load))
  await stage.settle()
  // The single load asks for its lease first, so that the bulk one, which joins it, is before it in turn.
  const single = watched(cache.getOrSet('b', () => 'single'))
  const bulk = watched(cache.getOrSetMany(['a', 'b'], (wanted) => [...wanted]))
  await stage.settle()
  expect(cache.stats().running).toEqual({ loads: 1, waiting: 2 })
  db.release()
  await stage.settle()
  expect([busy(), single(), bulk()]).toEqual([
    { value: 'value' },
    { value: 'single' },
    { value: ['a', 'single'] },
  ])
  expect(cache.stats().running).toEqual({ loads: 0, waiting: 0 })
})

test('many bulk and single loads of the same few keys go on at once, whatever they join', async () => {
  await using stage = new Stage()
  const { cache } = stage.node({ maxConcurrentLoads: 3 })
  const calls = Array.from({ length: 200 }, (_, i) => {
    const keys = [i, i * 7, i * 13, i * 31].map((n) => `k${n % 40}`)
    return watched(
      i % 3 === 0
        ? cache.getOrSet(keys[0] ?? '', () => 'single')
        : cache.getOrSetMany(keys, (wanted) => wanted.map((key) => key)),
    )
  })
  await stage.settle()
  expect(calls.filter((call) => call() === 'pending')).toHaveLength(0)
  expect(cache.stats().running).toEqual({ loads: 0, waiting: 0 })
})

test('a process whose places are taken does not hold up the fleet: it waits without the lease', async () => {
  await using stage = new Stage()
  const [a, b] = [stage.node({ maxConcurrentLoads: 1 }).cache, stage.node().cache]
  const slow = new Database('slow')
  slow.hold()
  const busy = watched(a.getOrSet('report', slow.load))
  await stage.settle()
  const queued = watched(a.getOrSet('hot', () => 'hot'))
  await stage.settle()
  expect(await b.getOrSet('hot', () => 'loaded by b')).toBe('loaded by b')
  slow.release()
  await stage.settle()
  expect([busy(), queued()]).toEqual([{ value: 'slow' }, { value: 'loaded by b' }])
})

test('two processes whose loaders ask for what the other one has queued', async () => {
  await using stage = new Stage()
  const [a, b] = [1, 2].map(() => stage.node({ maxConcurrentLoads: 1 }).cache)
  const gate = Promise.withResolvers<void>()
  const outer = (cache: typeof a, key: string) =>
    watched(
      Promise.resolve(
        cache?.getOrSet(`for ${key}`, () => gate.promise.then(() => cache.getOrSet(key, () => key))),
      ),
    )
  const [la, lb] = [outer(a, 'y'), outer(b, 'x')]
  await stage.settle()
  const [x, y] = [
    watched(Promise.resolve(a?.getOrSet('x', () => 'x'))),
    watched(Promise.resolve(b?.getOrSet('y', () => 'y'))),
  ]
  await stage.settle()
  gate.resolve()
  await stage.settle()
  await stage.advance(2_000)
  expect([la(), lb(), x(), y()]).toEqual([{ value: 'y' }, { value: 'x' }, { value: 'x' }, { value: 'y' }])
})

test('what is no number of loads is refused by name', async () => {
  await using stage = new Stage()
  for (const bad of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null]) {
    // @ts-expect-error what plain JavaScript may do
    expect(await codeOf((async () => stage.alone({ maxConcurrentLoads: bad }))())).toBe('invalid_argument')
  }
})
