/** Use after close, close twice, and close while everything is under way (B35). */
import { type RedisServer, startRedis } from '@holdfast/testkit'
import { type Cache, CacheError } from 'holdfast'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { everyMethod } from './testing/every-method.ts'
import { inUse, openTiers, TIERS } from './testing/tiers.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

/** A call's answer as 'answered', or the code of its error. */
async function endOf(call: () => unknown): Promise<string> {
  try {
    await call()
    return 'answered'
  } catch (error) {
    return error instanceof CacheError ? error.code : String(error)
  }
}

const endsOf = (calls: Readonly<Record<string, () => unknown>>): Promise<[string, string][]> =>
  Promise.all(
    Object.entries(calls).map(async ([name, call]): Promise<[string, string]> => [name, await endOf(call)]),
  )

describe.each(TIERS)('%s', (tiers) => {
  let cache: Cache
  beforeEach(async () => {
    await server.cli('FLUSHALL')
    cache = await openTiers(tiers, server.url)
  })
  afterEach(() => cache.close())

  test('afterwards every method says closed, in every namespace, and whatever it is given', async () => {
    const inner = cache.namespace('inner')
    const wrapped = cache.wrap(() => 1, { key: () => 'k' })
    await inUse(inner, tiers)
    await cache.set('k', 1)
    await inner.close()
    for (const one of [cache, inner]) {
      const calls = {
        ...everyMethod(one),
        'getMany, of nothing': () => one.getMany([]),
        'setMany, of nothing': () => one.setMany([]),
        'deleteMany, of nothing': () => one.deleteMany([]),
        'getOrSetMany, of nothing': () => one.getOrSetMany([], () => []),
        'a bad key': () => one.get(''),
        'wrapped before': wrapped,
      }
      // A cached function is made without the cache being asked; its calls are refused.
      for (const [name, end] of await endsOf(calls)) expect(end, name).toBe('closed')
    }
  })

  test('afterwards it still says its name and its counters, and holds nothing', async () => {
    await cache.getOrSet('k', () => 1)
    await cache.close()
    expect(cache.name).toBe('inputs')
    expect(cache.stats()).toMatchObject({
      requests: 1,
      flights: 0,
      running: { loads: 0, waiting: 0 },
      l1: { entries: 0, bytes: 0 },
    })
  })

  test('twice, at once, by a namespace or by `await using`: one close, one answer', async () => {
    const inner = cache.namespace('inner')
    const first = cache.close()
    expect(inner.close()).toBe(first)
    expect(await Promise.all([first, cache.close(), inner.close()])).toEqual(
      Array.from({ length: 3 }, () => ({ notApplied: 0 })),
    )
    await cache[Symbol.asyncDispose]()
    expect(cache.close()).toBe(first)
  })

  test('during a load: who waits is told, the loader is told, and others load at once', async () => {
    const begun = Promise.withResolvers<AbortSignal>()
    const hang = ({ signal }: { readonly signal: AbortSignal }) => {
      begun.resolve(signal)
      return new Promise<never>(() => undefined)
    }
    const waiting = [
      endOf(() => cache.getOrSet('k', hang)),
      endOf(() => cache.getOrSet('k', hang, { signal: new AbortController().signal })),
      endOf(() => cache.getOrSetMany(['k', 'l'], () => new Promise<never>(() => undefined))),
    ]
    const signal = await begun.promise
    await cache.close()
    expect(await Promise.all(waiting)).toEqual(['closed', 'closed', 'closed'])
    expect(signal.aborted).toBe(true)
    expect(signal.reason).toMatchObject({ code: 'closed' })
    await using other = await openTiers(tiers, server.url)
    // Within a lease it would wait for the closed process.
    expect(await other.getOrSet('k', () => 'v', { hardTimeout: '1s' })).toBe('v')
    expect(other.stats().misses.cold).toBe(1)
  })

  test('with a reservation out: its fill and its release settle', async () => {
    const [filled, released] = [await cache.reserve('a'), await cache.reserve('b')]
    await cache.close()
    expect(await endOf(() => filled.fill?.(1))).toBe('closed')
    expect(await endOf(() => released.release?.())).toBe('answered')
  })

  test('while every method is under way: all of them settle, by their answer or by closed', async () => {
    await cache.set('k', 0)
    const under = endsOf(everyMethod(cache, { loader: async () => [1] }))
    await cache.close()
    for (const [name, end] of await under) expect(['answered', 'closed'], `${name}: ${end}`).toContain(end)
  })

  test('while a refresh behind a stale answer is under way: nothing is left behind', async () => {
    const options = { ttl: 1, swr: '1h', jitter: 0 } as const
    await cache.set('k', 'old', options)
    let calls = 0
    const load = () => {
      calls++
      return new Promise<string>(() => undefined)
    }
    while (calls === 0) expect(await cache.getOrSet('k', load, options)).toBe('old')
    await cache.close()
    expect(cache.stats().flights).toBe(0)
  })
})
