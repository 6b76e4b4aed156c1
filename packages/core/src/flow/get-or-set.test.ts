import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, test } from 'vitest'
import type { Cache } from '../cache.ts'
import type { CacheOptions } from '../options.ts'
import { Database, type HeldLoad } from '../testing/database.ts'
import { codeOf, errorOf, watched } from '../testing/outcome.ts'
import { Stage } from '../testing/stage.ts'

type Options = Partial<CacheOptions>

const tiers: Record<string, (stage: Stage, options?: Options) => Cache> = {
  'L1 alone': (stage, options = {}) => stage.alone(options),
  'L1 and L2': (stage, options = {}) => stage.node(options).cache,
  'L2 alone': (stage, options = {}) => stage.node({ ...options, l1: false }).cache,
}

describe.each(Object.entries(tiers))('%s', (_, open) => {
  test('fresh is answered, absent is loaded, expired is loaded again', async () => {
    await using stage = new Stage()
    const cache = open(stage, { ttl: '1s' })
    const db = new Database('a')
    expect(await cache.getOrSet('k', db.load)).toBe('a')
    db.value = 'b'
    await stage.advance(999)
    expect(await cache.getOrSet('k', db.load)).toBe('a')
    await stage.advance(1)
    expect(await cache.getOrSet('k', db.load)).toBe('b')
    expect(db.loads).toHaveLength(2)
  })

  test('stale within swr is answered at once, and one refresh serves 500 callers', async () => {
    await using stage = new Stage()
    const cache = open(stage, { ttl: '1s', swr: '10s' })
    const db = new Database('old')
    await cache.getOrSet('k', db.load)
    await stage.advance(1_000)
    db.value = 'new'
    db.hold()
    const calls = Array.from({ length: 500 }, () => watched(cache.getOrSet('k', db.load)))
    await stage.settle()
    expect(new Set(calls.map((call) => JSON.stringify(call())))).toEqual(new Set(['{"value":"old"}']))
    db.release()
    await stage.settle()
    expect(await cache.getOrSet('k', db.load)).toBe('new')
    expect(db.loads).toHaveLength(2)
    expect(cache.stats()).toMatchObject({ refreshes: 1, loads: 2, requests: 502 })
  })

  test('a refresh that fails is an event, and is tried again a second later (F36)', async () => {
    await using stage = new Stage()
    const cache = open(stage, { ttl: '1s', swr: '10s' })
    await cache.getOrSet('k', () => 'old')
    await stage.advance(1_000)
    const failing = () => Promise.reject(new Error('database down'))
    expect(await cache.getOrSet('k', failing)).toBe('old')
    await stage.settle()
    expect(await cache.getOrSet('k', () => 'too soon')).toBe('old')
    await stage.settle()
    await stage.advance(1_000)
    expect(await cache.getOrSet('k', () => 'new')).toBe('old')
    await stage.settle()
    expect(await cache.getOrSet('k', failing)).toBe('new')
    expect(cache.stats()).toMatchObject({ loads: 3, loadErrors: 1 })
  })

  test('beyond swr the call waits for the load', async () => {
    await using stage = new Stage()
    const cache = open(stage, { ttl: '1s', swr: '1s', staleIfError: '1h' })
    await cache.getOrSet('k', () => 'old')
    await stage.advance(2_000)
    expect(await cache.getOrSet('k', () => 'new')).toBe('new')
  })

  test('a failed load is answered with the stale value within staleIfError, and with its error beyond', async () => {
    await using stage = new Stage()
    const cache = open(stage, { ttl: '1s', staleIfError: '10s' })
    const down = new Error('database down')
    const failing = () => Promise.reject(down)
    await cache.getOrSet('k', () => 'old')
    await stage.advance(10_999)
    expect(await cache.getOrSet('k', failing)).toBe('old')
    expect(cache.stats()).toMatchObject({ loadErrors: 1 })
    await stage.advance(1)
    expect(await errorOf(cache.getOrSet('k', failing))).toBe(down)
  })

  test('a load slower than softTimeout is answered with the stale value, goes on, and fills', async () => {
    await using stage = new Stage()
    const cache = open(stage, { ttl: '1s', staleIfError: '1h', softTimeout: '100ms' })
    const db = new Database('old')
    await cache.getOrSet('k', db.load)
    await stage.advance(1_000)
    db.value = 'new'
    db.hold()
    const call = watched(cache.getOrSet('k', db.load))
    await stage.advance(99)
    expect(call()).toBe('pending')
    await stage.advance(1)
    expect(call()).toEqual({ value: 'old' })
    expect(db.loads[1]?.context.signal.aborted).toBe(false)
    db.release()
    await stage.settle()
    expect(await cache.getOrSet('k', () => 'unused')).toBe('new')
  })

  test('a caller with softTimeout has its fallback also when it joins the load of another', async () => {
    await using stage = new Stage()
    const cache = open(stage, { ttl: '1s', staleIfError: '1h' })
    const db = new Database('old')
    await cache.getOrSet('k', db.load)
    await stage.advance(1_000)
    db.value = 'new'
    db.hold()
    const patient = watched(cache.getOrSet('k', db.load))
    await stage.settle()
    const hurried = watched(cache.getOrSet('k', db.load, { softTimeout: '100ms' }))
    await stage.advance(100)
    expect([patient(), hurried()]).toEqual(['pending', { value: 'old' }])
    db.release()
    await stage.settle()
    expect(patient()).toEqual({ value: 'new' })
    expect(db.loads).toHaveLength(2)
  })

  test('without a stale value softTimeout does not apply', async () => {
    await using stage = new Stage()
    const cache = open(stage, { staleIfError: '1h', softTimeout: '100ms' })
    const db = new Database('v')
    db.hold()
    const call = watched(cache.getOrSet('k', db.load))
    await stage.advance(500)
    expect(call()).toBe('pending')
    db.release()
    await stage.settle()
    expect(call()).toEqual({ value: 'v' })
  })

  test('a load slower than hardTimeout fails for all its waiters, its signal fires, later callers load anew', async () => {
    await using stage = new Stage()
    const cache = open(stage, { hardTimeout: '2s' })
    const db = new Database('late')
    db.hold()
    const calls = [watched(cache.getOrSet('k', db.load)), watched(cache.getOrSet('k', db.load))]
    await stage.advance(1_999)
    expect(calls.map((call) => call())).toEqual(['pending', 'pending'])
    await stage.advance(1)
    expect(calls.map((call) => call())).toEqual([{ error: 'loader_timeout' }, { error: 'loader_timeout' }])
    expect(db.loads.map(({ context }) => context.signal.aborted)).toEqual([true])
    expect(await cache.getOrSet('k', () => 'new')).toBe('new')
    db.release()
    await stage.settle()
    expect(await cache.get('k')).toBe('new')
  })

  test('hardTimeout is answered with the stale value within staleIfError', async () => {
    await using stage = new Stage()
    const cache = open(stage, { ttl: '1s', staleIfError: '1h', hardTimeout: '2s' })
    await cache.getOrSet('k', () => 'old')
    await stage.advance(1_000)
    const call = watched(cache.getOrSet('k', () => new Promise<never>(() => undefined)))
    await stage.advance(2_000)
    expect(call()).toEqual({ value: 'old' })
  })

  test('null, 0, the empty string, false and NaN are values', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const db = new Database<unknown>(undefined)
    for (const value of [null, 0, '', false, Number.NaN]) {
      db.value = value
      const key = `k${value}`
      expect(await cache.getOrSet(key, db.load)).toBe(value)
      expect(await cache.getOrSet(key, () => 'unused')).toBe(value)
      expect(await cache.get(key)).toBe(value)
      expect(await cache.has(key)).toBe(true)
    }
    expect(db.loads).toHaveLength(5)
  })

  test('undefined is answered and not cached, and its loader runs once a call', async () => {
    await using stage = new Stage()
    const cache = open(stage, { negativeTtl: '1m' })
    let loads = 0
    const loader = () => void loads++
    expect(await cache.getOrSet('k', loader)).toBeUndefined()
    expect(loads).toBe(1)
    expect(await cache.has('k')).toBe(false)
    expect(await cache.getOrSet('k', loader)).toBeUndefined()
    expect(loads).toBe(2)
    const together = Array.from({ length: 10 }, () => cache.getOrSet('k', loader))
    expect(new Set(await Promise.all(together))).toEqual(new Set([undefined]))
    expect(loads).toBe(3)
  })

  test('negativeTtl is the life of a null, without windows for it', async () => {
    await using stage = new Stage()
    const cache = open(stage, { ttl: '1h', swr: '1h', staleIfError: '1h', negativeTtl: '1s' })
    const db = new Database<string | null>(null)
    await cache.getOrSet('k', db.load)
    await stage.advance(999)
    expect(await cache.getOrSet('k', db.load)).toBeNull()
    expect(cache.stats().negativeHits.l1 + cache.stats().negativeHits.l2).toBe(1)
    await stage.advance(1)
    db.value = 'born'
    expect(await cache.getOrSet('k', db.load)).toBe('born')
    await stage.advance(1_000)
    expect(await cache.getOrSet('k', db.load)).toBe('born')
    expect(db.loads).toHaveLength(2)
  })

  test.for([
    ['an Error', new Error('database down')],
    ['a string', 'database down'],
    ['nothing', undefined],
  ] as const)(
    '%s that the loader throws reaches every waiter as itself, from one call',
    async ([, thrown]) => {
      await using stage = new Stage()
      const cache = open(stage)
      for (const isSync of [true, false]) {
        let loads = 0
        const loader = () => {
          loads++
          if (isSync) throw thrown
          return Promise.reject(thrown)
        }
        const errors = Array.from({ length: 50 }, () => errorOf(cache.getOrSet('k', loader)))
        for (const error of await Promise.all(errors)) expect(error).toBe(thrown)
        expect(loads).toBe(1)
        // Never cached: the next call tries again.
        expect(await errorOf(cache.getOrSet('k', loader))).toBe(thrown)
        expect(loads).toBe(2)
      }
      expect(await cache.getOrSet('k', () => 'v')).toBe('v')
    },
  )

  test('a caller who joins a load under way shares how it ends: value, nothing or error', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const down = new Error('database down')
    const endings: [(load: HeldLoad<unknown>) => void, unknown][] = [
      [(load) => load.finish('v'), { value: 'v' }],
      [(load) => load.finish(undefined), { value: undefined }],
      [(load) => load.fail(down), { error: 'database down' }],
    ]
    for (const [i, [end, expected]] of endings.entries()) {
      const db = new Database<unknown>(undefined)
      db.hold()
      const first = watched(cache.getOrSet(`k${i}`, db.load))
      await stage.advance(10)
      const later = watched(cache.getOrSet(`k${i}`, db.load))
      await stage.advance(10)
      for (const load of db.loads) end(load)
      await stage.settle()
      expect([first(), later()]).toEqual([expected, expected])
      expect(db.loads).toHaveLength(1)
    }
  })

  test('one of several waiters aborts: only it rejects, the load goes on', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const db = new Database('v')
    db.hold()
    const leaver = new AbortController()
    const calls = [
      watched(cache.getOrSet('k', db.load)),
      watched(cache.getOrSet('k', db.load, { signal: leaver.signal })),
      watched(cache.getOrSet('k', db.load, { signal: new AbortController().signal })),
    ]
    await stage.settle()
    leaver.abort()
    await stage.settle()
    expect(calls.map((call) => call())).toEqual(['pending', { error: 'aborted' }, 'pending'])
    expect(db.loads[0]?.context.signal.aborted).toBe(false)
    db.release()
    await stage.settle()
    expect(calls.map((call) => call())).toEqual([{ value: 'v' }, { error: 'aborted' }, { value: 'v' }])
    expect(db.loads).toHaveLength(1)
  })

  test('the last waiter leaves: the loader is aborted, and the next call loads anew', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const db = new Database('late')
    db.hold()
    const leavers = [new AbortController(), new AbortController()]
    const calls = leavers.map(({ signal }) => watched(cache.getOrSet('k', db.load, { signal })))
    await stage.settle()
    leavers[0]?.abort()
    await stage.settle()
    expect(db.loads[0]?.context.signal.aborted).toBe(false)
    leavers[1]?.abort()
    await stage.settle()
    expect(calls.map((call) => call())).toEqual([{ error: 'aborted' }, { error: 'aborted' }])
    expect(db.loads[0]?.context.signal.aborted).toBe(true)
    expect(await cache.getOrSet('k', () => 'new')).toBe('new')
    db.release()
    await stage.settle()
    expect(await cache.get('k')).toBe('new')
  })

  test('an abort carries its reason as the cause', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const reason = new Error('client went away')
    const leaver = new AbortController()
    const call = errorOf(
      cache.getOrSet('k', () => new Promise<never>(() => undefined), { signal: leaver.signal }),
    )
    await stage.settle()
    leaver.abort(reason)
    expect(await call).toMatchObject({ code: 'aborted', key: 'k', cause: reason })
  })

  test('a call that was aborted before it began loads nothing', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const db = new Database('v')
    expect(await codeOf(cache.getOrSet('k', db.load, { signal: AbortSignal.abort() }))).toBe('aborted')
    await stage.settle()
    expect(db.loads).toHaveLength(0)
    await cache.getOrSet('k', db.load)
    expect(await cache.getOrSet('k', db.load, { signal: AbortSignal.abort() })).toBe('v')
  })

  test('an abort after the answer changes nothing', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const late = new AbortController()
    await cache.getOrSet('k', () => 'v', { signal: late.signal })
    late.abort()
    expect(await cache.get('k')).toBe('v')
  })

  test('the loader runs in the async context of nobody', async () => {
    await using stage = new Stage()
    const cache = open(stage, { ttl: '1s', swr: '1h' })
    const storage = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    const loader = async () => {
      seen.push(storage.getStore())
      await Promise.resolve()
      seen.push(storage.getStore())
      return 'v'
    }
    const load = () => storage.run('a tenant', () => cache.getOrSet('k', loader))
    await load()
    await stage.advance(1_000)
    await load()
    await stage.settle()
    expect(seen).toEqual([undefined, undefined, undefined, undefined])
  })

  test('jitter only shortens a life', async () => {
    await using stage = new Stage()
    const cache = open(stage, { ttl: '10s', jitter: 0.5 })
    const lives: number[] = []
    for (let i = 0; i < 100; i++) {
      await cache.getOrSet(`k${i}`, () => i)
      lives.push((await cache.ttl(`k${i}`)) ?? 0)
    }
    expect(Math.max(...lives)).toBeLessThanOrEqual(10_000)
    expect(Math.max(...lives)).toBeGreaterThan(9_000)
    expect(Math.min(...lives)).toBeGreaterThanOrEqual(5_000)
    expect(Math.min(...lives)).toBeLessThan(6_000)
  })

  test('early refresh: near its end a slow value is refreshed by about one of many hits, behind them', async () => {
    await using stage = new Stage()
    const cache = open(stage, { ttl: '100s', earlyRefresh: 1 })
    const db = new Database('old')
    db.hold()
    const first = watched(cache.getOrSet('k', db.load))
    await stage.advance(1_000)
    db.release()
    await stage.settle()
    expect(first()).toEqual({ value: 'old' })
    db.value = 'new'
    const hits = async () =>
      new Set(await Promise.all(Array.from({ length: 200 }, () => cache.getOrSet('k', db.load))))
    await stage.advance(75_000)
    expect(await hits()).toEqual(new Set(['old']))
    await stage.settle()
    expect(db.loads).toHaveLength(1)
    await stage.advance(24_000)
    expect(await hits()).toEqual(new Set(['old']))
    await stage.settle()
    expect(db.loads).toHaveLength(2)
    expect(await cache.getOrSet('k', () => 'unused')).toBe('new')
  })

  test('refresh loads whatever is cached, once for all who ask meanwhile', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const db = new Database('old')
    await cache.getOrSet('k', db.load)
    db.value = 'new'
    const calls = [watched(cache.refresh('k', db.load)), watched(cache.refresh('k', db.load))]
    await stage.advance(100)
    expect(calls.map((call) => call())).toEqual([{ value: 'new' }, { value: 'new' }])
    expect(db.loads).toHaveLength(2)
    expect(await cache.get('k')).toBe('new')
  })

  test('refresh takes no load that began before it, be it a refresh', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    for (const first of ['getOrSet', 'refresh'] as const) {
      const db = new Database('before')
      db.hold()
      const running = watched(cache[first](`after ${first}`, db.load))
      await stage.settle()
      db.value = 'after'
      const refresh = watched(cache.refresh(`after ${first}`, db.load))
      await stage.advance(100)
      db.release()
      await stage.advance(100)
      expect([running(), refresh()]).toEqual([{ value: 'before' }, { value: 'after' }])
      expect(await cache.get(`after ${first}`)).toBe('after')
    }
  })

  test('validate checks what a loader gave; its output is the value', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const positive = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: (value: unknown) =>
          typeof value === 'number' && value > 0
            ? { value: Math.trunc(value) }
            : { issues: [{ message: 'not positive' }] },
      },
    }
    expect(await codeOf(cache.getOrSet('k', () => -1, { validate: positive }))).toBe('invalid_load')
    expect(await cache.get('k')).toBeUndefined()
    expect(await cache.getOrSet('k', () => 1.5, { validate: positive })).toBe(1)
    expect(await cache.get('k')).toBe(1)
  })
})
