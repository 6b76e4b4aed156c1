/** A caller's own end of its wait, by every method that loads (B32): he alone rejects; the last one ends the load. */
import { pause, type RedisServer, startRedis, until } from '@holdfast/testkit'
import { type Cache, CacheError } from 'holdfast'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openTiers, TIERS } from './testing/tiers.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

/** A load that hangs until told, and what became of its signal. */
class Load {
  calls = 0
  readonly begun = Promise.withResolvers<void>()
  readonly #answer = Promise.withResolvers<string>()
  #signal: AbortSignal | undefined

  readonly run = ({ signal }: { readonly signal: AbortSignal }): Promise<string> => {
    this.calls++
    this.#signal = signal
    this.begun.resolve()
    return this.#answer.promise
  }

  answer(value: string): void {
    this.#answer.resolve(value)
  }

  get isAborted(): boolean {
    return this.#signal?.aborted === true
  }
}

type Call = (cache: Cache, load: Load, signal?: AbortSignal) => Promise<unknown>
const options = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { signal })
const methods: Readonly<Record<string, Call>> = {
  getOrSet: (cache, load, signal) => cache.getOrSet('k', load.run, options(signal)),
  refresh: (cache, load, signal) => cache.refresh('k', load.run, options(signal)),
  getOrSetMany: (cache, load, signal) => {
    const loader = async (keys: readonly string[], context: { readonly signal: AbortSignal }) => {
      const value = await load.run(context)
      return keys.map(() => value)
    }
    return cache.getOrSetMany(['k', 'l', 'k'], loader, options(signal))
  },
}

async function endOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call
  } catch (error) {
    return error instanceof CacheError ? error.code : error
  }
}

describe.each(TIERS)('%s', (tiers) => {
  let cache: Cache
  beforeEach(async () => {
    await server.cli('FLUSHALL')
    cache = await openTiers(tiers, server.url)
  })
  afterEach(() => cache.close())

  describe.each(Object.entries(methods))('%s', (_, call) => {
    test('before the call: it rejects with the reason as its cause, and nothing is loaded', async () => {
      const load = new Load()
      const aborted = call(cache, load, AbortSignal.abort('why'))
      await expect(aborted).rejects.toMatchObject({ code: 'aborted', cause: 'why' })
      expect(load.calls).toBe(0)
      expect(cache.stats()).toMatchObject({ flights: 0, running: { loads: 0, waiting: 0 } })
    })

    test('in the same turn as the call: it rejects, whatever it was waiting for', async () => {
      const load = new Load()
      const controller = new AbortController()
      const aborted = endOf(call(cache, load, controller.signal))
      controller.abort()
      expect(await aborted).toBe('aborted')
      expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded')
    })

    test('by a timeout during the load: the loader is aborted, and the next call loads at once', async () => {
      const load = new Load()
      const aborted = endOf(call(cache, load, AbortSignal.timeout(30)))
      await load.begun.promise
      expect(await aborted).toBe('aborted')
      expect(load.isAborted).toBe(true)
      expect(await cache.getOrSet('k', () => 'loaded', { hardTimeout: '1s' })).toBe('loaded')
      load.answer('too late')
      await pause(5)
      expect(await cache.get('k')).toBe('loaded')
    })

    test('by one of several: he alone rejects, the others have the value, from one load', async () => {
      const load = new Load()
      const controllers = Array.from({ length: 4 }, () => new AbortController())
      const calls = controllers.map(({ signal }) => endOf(call(cache, load, signal)))
      const unsignalled = endOf(call(cache, load))
      await load.begun.promise
      for (const controller of controllers.slice(0, 2)) controller.abort()
      expect(await Promise.all(calls.slice(0, 2))).toEqual(['aborted', 'aborted'])
      expect(load.isAborted).toBe(false)
      load.answer('v')
      const value = await unsignalled
      expect(['v', ['v', 'v', 'v']]).toContainEqual(value)
      expect(await Promise.all(calls.slice(2))).toEqual([value, value])
    })

    test('after the answer: without effect', async () => {
      const load = new Load()
      load.answer('v')
      const controller = new AbortController()
      await call(cache, load, controller.signal)
      controller.abort()
      expect(load.isAborted).toBe(false)
      expect(await cache.get('k')).toBe('v')
    })
  })

  test('an answer that needs no waiting is given to an aborted caller all the same', async () => {
    await cache.set('k', 'v')
    const signal = AbortSignal.abort()
    expect(await cache.getOrSet('k', () => 'unused', { signal })).toBe('v')
    expect(await cache.getOrSetMany(['k'], () => [], { signal })).toEqual(['v'])
  })

  test('who waits for a reservation may leave: its holder fills it all the same', async () => {
    const held = await cache.reserve('k')
    const controller = new AbortController()
    const waiting = endOf(cache.reserve('k', { signal: controller.signal }))
    const staying = cache.getOrSet('k', () => 'unused')
    await pause(5)
    controller.abort()
    expect(await waiting).toBe('aborted')
    expect(await held.fill?.('filled')).toBe('filled')
    expect(await staying).toBe('filled')
    await expect(cache.reserve('x', { signal: AbortSignal.abort('why') })).rejects.toMatchObject({
      cause: 'why',
    })
  })

  test('who waits for the load of another process may leave at once', async () => {
    if (tiers === 'L1 alone') return expect(cache.stats().l2.online).toBe(false)
    await using other = await openTiers(tiers, server.url)
    const load = new Load()
    const loading = other.getOrSet('k', load.run)
    await load.begun.promise
    const unused = new Load()
    const aborted = endOf(cache.getOrSet('k', unused.run, { signal: AbortSignal.timeout(30) }))
    expect(await aborted).toBe('aborted')
    load.answer('v')
    expect(await loading).toBe('v')
    expect(unused.calls).toBe(0)
    await until('nothing waits here any more', () => cache.stats().flights === 0)
  })
})
