/** What a call may ask for: durations, many keys at once, an end of its wait; and whose the answers are. */
import { pause, type RedisServer, startRedis, until } from '@holdfast/testkit'
import type { Cache, Duration, EntryOptions, L1Options } from 'holdfast'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openTiers, TIERS, type Tiers } from './testing/tiers.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

const DAY_MS = 86_400_000
const never = (): never => {
  throw new Error('nothing is to be loaded here')
}
const codeOf = (answer: Promise<unknown>): Promise<unknown> =>
  answer.then(
    () => 'answered',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  )

/** The longest Δ there is: its heartbeats are waits, too. */
function patientL1(tiers: Tiers): L1Options | false {
  return tiers === 'Redis alone' ? false : { maxStale: '3650d' }
}

describe.each(TIERS)('%s', (tiers) => {
  let cache: Cache
  beforeEach(async () => {
    await server.cli('FLUSHALL')
    cache = await openTiers(tiers, server.url)
  })
  afterEach(() => cache.close())

  describe('ttl (B13)', () => {
    const good: readonly (readonly [Duration, number])[] = [
      [1000, 1000],
      ['1.5s', 1500],
      [2 ** 31 + 1, 2 ** 31 + 1],
      ['31d', 31 * DAY_MS],
      ['3650d', 3650 * DAY_MS],
    ]
    test.each(good)('%s is kept for that long', async (ttl, ms) => {
      await cache.set('k', 1, { ttl, jitter: 0 })
      const left = await cache.ttl('k')
      expect(left).toBeGreaterThan(ms - 900)
      // An entry's time is kept in whole milliseconds, and the server's clock is estimated.
      expect(left).toBeLessThan(ms + 100)
      if (tiers === 'L1 alone') return
      const physical = Number(await server.cli('PTTL', 'v:{6:inputsk}'))
      expect(physical).toBeGreaterThan(ms - 900)
      expect(physical).toBeLessThanOrEqual(ms)
    })

    test('of less than a millisecond ends at once, and is not for ever', async () => {
      await cache.set('k', 1, { ttl: 0.5 })
      await until('it has ended', async () => (await cache.get('k')) === undefined)
      await until('Redis has forgotten it', async () => (await server.cli('EXISTS', 'v:{6:inputsk}')) === 0)
    })

    test('may differ by tier', async () => {
      await cache.set('k', 1, { ttl: { l1: 1, l2: '1h' }, jitter: 0 })
      await until('L1 has ended', async () => (await cache.getEntry('k'))?.tier !== 'l1')
      expect(await cache.get('k')).toBe(tiers === 'L1 alone' ? undefined : 1)
    })

    test('waits of more than 24 days do not end at once, as a timer that overflows would', async () => {
      const days = '45d'
      await using patient = await openTiers(tiers, server.url, { l2Timeout: days, l1: patientL1(tiers) })
      await patient.set('k', 1, { ttl: 1, jitter: 0, staleIfError: days })
      await until('it is stale', async () => (await patient.get('k')) === undefined)
      await patient.barrier(days)
      const options = { softTimeout: days, staleIfError: days } as const
      const slow = async () => {
        await pause(20)
        return 'loaded'
      }
      expect(await patient.getOrSet('k', slow, options)).toBe('loaded')
      expect(await patient.getOrSet('l', slow, options)).toBe('loaded')
      await patient.invalidateTag('t', { require: 'applied' })
      expect(patient.stats()).toMatchObject({ l2Errors: 0, loads: 2 })
    })

    test('waits of less than a millisecond end, and nothing with them', async () => {
      const hang = () => new Promise<never>(() => undefined)
      await expect(cache.getOrSet('k', hang, { hardTimeout: 0.5 })).rejects.toMatchObject({
        code: 'loader_timeout',
      })
      expect(await cache.getOrSet('k', () => 1)).toBe(1)
    })

    const bad: readonly unknown[] = [
      ...[0, -0, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3650 * DAY_MS + 1],
      ...[
        '10x',
        '10',
        '',
        ' ',
        '5 m',
        ' 5m',
        '-1s',
        '0s',
        '1e3ms',
        '1m30s',
        'Infinityms',
        'NaNs',
        '0x10s',
        '٣s',
      ],
      ...[true, null, 10n, [], {}, new Date(), () => 1],
    ]
    const durations = ['ttl', 'swr', 'staleIfError', 'negativeTtl', 'softTimeout', 'hardTimeout']
    test.each(durations)('%s refuses what is no duration, naming itself', async (name) => {
      for (const value of bad) {
        const options: EntryOptions<number> = JSON.parse('{}', () => ({ [name]: value }))
        const refusal = { code: 'invalid_argument', message: expect.stringMatching(new RegExp(`^${name}`)) }
        await expect(
          cache.getOrSet('k', () => 1, options),
          String(value),
        ).rejects.toMatchObject(refusal)
        await expect(cache.refresh('k', never, options), String(value)).rejects.toMatchObject(refusal)
        // A write knows the durations of an entry, and refuses those of a load whatever they are.
        const isOfLoads = name.endsWith('Timeout')
        const ofSet = isOfLoads ? { message: expect.stringMatching(`unknown option "${name}"`) } : refusal
        await expect(cache.set('k', 1, options), String(value)).rejects.toMatchObject(ofSet)
      }
      expect(await cache.has('k')).toBe(false)
    })
  })

  describe('answers are nobody’s to change (B26)', () => {
    const make = () => ({
      list: [{ n: 1 }],
      at: new Date(1),
      map: new Map([['a', 1]]),
      bytes: Uint8Array.of(1),
    })

    test('a change of what was given to set does not reach the cache, nor is it frozen', async () => {
      const given = make()
      await cache.set('k', given)
      given.list.push({ n: 2 })
      given.at.setTime(2)
      given.map.set('b', 2)
      given.bytes[0] = 2
      expect(await cache.get('k')).toEqual(make())
    })

    test('a change of an answer throws, or stays in the reader’s own copy', async () => {
      const read = [
        () => cache.getOrSet('k', () => ({ list: [{ n: 1 }], at: new Date(1), map: new Map([['a', 1]]) })),
        () => cache.get<{ list: { n: number }[]; at: Date; map: Map<string, number> }>('k'),
      ]
      for (const one of read) {
        const answer = await one()
        expect(() => answer?.list.push({ n: 2 })).toThrow(TypeError)
        expect(() => answer?.at.setTime(2)).toThrow(TypeError)
        expect(() => answer?.map.set('b', 2)).toThrow(TypeError)
      }
      // Bytes cannot be made read-only: each reader has its own.
      for (let i = 0; i < 3; i++) {
        const answer = await cache.getOrSet('bytes', () => ({ bytes: Uint8Array.of(1) }))
        expect(answer.bytes[0]).toBe(1)
        answer.bytes[0] = 9
      }
    })

    test('clone: each reader may do with his copy what he likes', async () => {
      await using cloning = await openTiers(tiers, server.url, { name: 'cloning', isolation: 'clone' })
      for (let i = 0; i < 3; i++) {
        const answer = await cloning.getOrSet('k', make)
        expect(answer).toEqual(make())
        answer.list.push({ n: 2 })
        answer.at.setTime(2)
        answer.map.clear()
      }
    })
  })

  describe('many keys (B29)', () => {
    test('none', async () => {
      expect(await cache.getMany([])).toEqual([])
      expect(await cache.getOrSetMany([], never)).toEqual([])
      expect(await cache.deleteMany([])).toEqual({ l2: 'applied' })
      expect(await cache.setMany([])).toEqual({ l2: 'applied', stored: true })
    })

    test('the same ones several times: loaded once, answered each time', async () => {
      const asked: string[] = []
      const loader = (keys: readonly string[]): string[] => {
        asked.push(...keys)
        return keys.map((key) => `value of ${key}`)
      }
      const keys = ['a', 'b', 'a', 'a', 'b']
      const values = keys.map((key) => `value of ${key}`)
      expect(await cache.getOrSetMany(keys, loader)).toEqual(values)
      expect(asked).toEqual(['a', 'b'])
      expect(await cache.getMany(keys)).toEqual(values)
    })

    test('a Map in any order, with gaps, gives each key its own; a gap is not cached', async () => {
      const loader = (): Map<string, number | null> =>
        new Map([
          ['c', 3],
          ['a', 1],
          ['d', null],
        ])
      expect(await cache.getOrSetMany(['a', 'b', 'c', 'd'], loader)).toEqual([1, undefined, 3, null])
      expect(await cache.getMany(['a', 'b', 'c', 'd'])).toEqual([1, undefined, 3, null])
    })

    const wrong: Readonly<Record<string, unknown>> = {
      'fewer values': [1],
      'more values': [1, 2, 3],
      'a Map with other keys': new Map([['elsewhere', 1]]),
      'an object': { a: 1, b: 2 },
      nothing: undefined,
    }
    test.each(Object.entries(wrong))(
      '%s from the loader: refused for all, and nothing is cached',
      async (_title, answer) => {
        const loader = (): number[] => JSON.parse('[]', () => answer)
        const error = await cache.getOrSetMany(['a', 'b'], loader).catch((reason: unknown) => reason)
        expect(error).toMatchObject({ code: 'invalid_load' })
        if (Array.isArray(answer)) expect(String(error)).toContain('"a", "b"')
        expect(await cache.getMany(['a', 'b'])).toEqual([undefined, undefined])
        expect(await cache.getOrSetMany(['a', 'b'], () => [1, 2])).toEqual([1, 2])
      },
    )

    // Each different key is fenced by itself: 25 µs and 6 KB while it is loaded, and with Redis five commands.
    const different = tiers === 'L1 alone' ? 10_000 : 3000
    test(`100,000 of which ${different} are different: each has its own value`, async () => {
      const keys = Array.from({ length: 100_000 }, (_, i) => `key ${i % different}`)
      const loader = (asked: readonly string[]): string[] => asked.map((key) => `value of ${key}`)
      const values = loader(keys)
      expect(await cache.getOrSetMany(keys, loader)).toEqual(values)
      const found = await cache.getMany<string>(keys.slice(0, different))
      expect(found.filter((value, i) => value !== undefined && value !== values[i])).toEqual([])
      // A fill that a slow machine sends after the lease has ended is refused.
      expect(found.filter((value) => value !== undefined).length).toBeGreaterThan(0)
    })
  })

  describe('abort (B32)', () => {
    /** A loader that hangs until told, and says what became of its signal. */
    function hanging() {
      const begun = Promise.withResolvers<void>()
      const gate = Promise.withResolvers<string>()
      const seen = { calls: 0, aborted: false }
      const loader = ({ signal }: { readonly signal: AbortSignal }): Promise<string> => {
        seen.calls++
        signal.addEventListener('abort', () => {
          seen.aborted = true
        })
        begun.resolve()
        return gate.promise
      }
      return { loader, begun: begun.promise, answer: gate.resolve, seen }
    }

    test('before the call: it rejects, and nothing is loaded', async () => {
      const { loader, seen } = hanging()
      const error = await cache
        .getOrSet('k', loader, { signal: AbortSignal.abort('why') })
        .catch((reason) => reason)
      expect(error).toMatchObject({ code: 'aborted', cause: 'why' })
      expect(seen.calls).toBe(0)
      expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded')
    })

    test('during the load, by its only caller: the call rejects, and the loader’s signal fires', async () => {
      const { loader, begun, seen } = hanging()
      const controller = new AbortController()
      const call = codeOf(cache.getOrSet('k', loader, { signal: controller.signal }))
      await begun
      controller.abort()
      expect(await call).toBe('aborted')
      expect(seen.aborted).toBe(true)
      // The lease went with it: nobody waits for a load that has no end.
      expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded')
    })

    test('by one of many waiters: he alone rejects; by the last: the load ends', async () => {
      const { loader, begun, answer, seen } = hanging()
      const controllers = Array.from({ length: 5 }, () => new AbortController())
      const calls = controllers.map(({ signal }) => codeOf(cache.getOrSet('k', loader, { signal })))
      await begun
      controllers[0]?.abort()
      expect(await calls[0]).toBe('aborted')
      expect(seen).toEqual({ calls: 1, aborted: false })
      answer('loaded')
      expect(await Promise.all(calls)).toEqual(['aborted', ...calls.slice(1).map(() => 'answered')])

      const second = hanging()
      const both = [new AbortController(), new AbortController()]
      const waiting = both.map(({ signal }) => codeOf(cache.getOrSet('l', second.loader, { signal })))
      await second.begun
      for (const controller of both) controller.abort()
      expect(await Promise.all(waiting)).toEqual(['aborted', 'aborted'])
      expect(second.seen).toEqual({ calls: 1, aborted: true })
    })

    test('after the answer: without effect', async () => {
      const controller = new AbortController()
      expect(await cache.getOrSet('k', () => 'loaded', { signal: controller.signal })).toBe('loaded')
      controller.abort()
      expect(await cache.get('k')).toBe('loaded')
    })
  })
})
