/** Values that are too large for L2: whoever loads one has it, whoever does not is not harmed (B25). */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { freemem } from 'node:os'
import { pause, type RedisServer, startRedis, until } from '@holdfast/testkit'
import { type Cache, createCache } from 'holdfast'
import { systemClock } from 'holdfast/contracts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { redis } from './redis.ts'
import { unchecked } from './testing/unchecked.ts'

const MB = 1024 ** 2

let server: RedisServer
let cache: Cache
/** What was told of as trouble, and the key that it was about. */
let told: unknown[] = []
const listen = (event: unknown): void => void told.push(event)
const troubles = (): unknown[] =>
  told.map((event) => [Reflect.get(Object(event), 'what'), Reflect.get(Object(event), 'key')])

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.cli('FLUSHALL')
  told = []
  subscribe('holdfast:trouble', listen)
  cache = createCache({ name: 'sizes', l2: redis(server.url) })
  await until('the shared tier is in use', () => cache.stats().l2.online)
})
afterEach(async () => {
  unsubscribe('holdfast:trouble', listen)
  await cache.close()
})

/** Text whose characters lie in memory one by one, as those of a real answer do. */
function flat(bytes: number): string {
  return Buffer.alloc(bytes, 'x').toString('latin1')
}

async function expectNotStored(key: string): Promise<void> {
  expect(await server.cli('EXISTS', `v:{5:sizes${key}}`)).toBe(0)
}

const large: Readonly<Record<string, () => unknown>> = {
  text: () => flat(20 * MB),
  bytes: () => Buffer.alloc(20 * MB),
  rows: () => Array.from({ length: 200_000 }, (_, id) => ({ id, name: `row ${id}`, text: 'y'.repeat(60) })),
}

describe('20 MB, maxValueBytes by default', () => {
  test.each(Object.entries(large))(
    '%s: served by a load, told of once, not stored in L2',
    async (key, make) => {
      const value = make()
      const found = await cache.getOrSet(key, () => value)
      // Bytes cannot be shared: each caller has a copy.
      expect(
        value instanceof Buffer ? value.compare(Buffer.from(unchecked(found))) === 0 : found === value,
      ).toBe(true)
      expect(troubles()).toEqual([['value_too_large', key]])
      await expectNotStored(key)
      // Nor does anyone wait for a lease of it.
      await using other = createCache({ name: 'sizes', l2: redis(server.url) })
      await until('the shared tier is in use', () => other.stats().l2.online)
      expect(await other.getOrSet(key, () => 'small', { hardTimeout: '1s' })).toBe('small')
    },
  )

  test.each(Object.entries(large))('%s: refused by set, which leaves what was there', async (key, make) => {
    await cache.set(key, 'before')
    const refusal = {
      code: 'value_too_large',
      key,
      message: expect.stringContaining('maxValueBytes is 1048576'),
    }
    await expect(cache.set(key, make())).rejects.toMatchObject(refusal)
    expect(await cache.get(key)).toBe('before')
  })

  test('other calls do not notice: their p99 beside such loads is as before', async () => {
    await using others = createCache({ name: 'others', l1: false, l2: redis(server.url) })
    await until('the shared tier is in use', () => others.stats().l2.online)
    await others.set('k', 'v')
    const value = flat(20 * MB)
    const beforeMs = await p99While(others, () => pause(300))
    const besideMs = await p99While(others, async () => {
      for (let i = 0; i < LARGE_LOADS; i++) {
        await cache.getOrSet(`big ${i}`, () => value)
        await pause(20)
      }
    })
    expect(troubles()).toHaveLength(LARGE_LOADS)
    // Encoding one takes 60 ms of the event loop, and all callers would wait for it. Half of that is slack.
    expect(besideMs).toBeLessThan(beforeMs + 30)
  })
})

const CALLERS = 8
const LARGE_LOADS = 12

/** The 99th percentile, in ms, of reads from L2 by a few callers while some work is done. */
async function p99While(others: Cache, work: () => Promise<unknown>): Promise<number> {
  const durations: number[] = []
  let isOver = false
  const calling = Array.from({ length: CALLERS }, async () => {
    while (!isOver) {
      const startedAt = systemClock.now()
      expect(await others.get('k')).toBe('v')
      durations.push(systemClock.now() - startedAt)
      await pause(1)
    }
  })
  await work()
  isOver = true
  await Promise.all(calling)
  return durations.sort((a, b) => a - b)[Math.floor(durations.length * 0.99)] ?? 0
}

describe('more than Redis takes', () => {
  // 300 MB of memory in Latin-1, 600 MB in UTF-8.
  const hasRoom = freemem() > 2 * 1024 * MB
  const title = '600 MB of text: served, told of, not stored, and in no time'
  test(hasRoom ? title : `${title} (NOT RUN: less than 2 GB of memory are free)`, async () => {
    if (!hasRoom)
      return console.warn(`values-size.server.test.ts: ${title}: NOT RUN, less than 2 GB are free`)
    const value = Buffer.alloc(300 * MB, 0xe9).toString('latin1')
    const startedAt = systemClock.now()
    expect((await cache.getOrSet('huge', () => value)) === value).toBe(true)
    await expect(cache.set('huge', value)).rejects.toMatchObject({ code: 'value_too_large' })
    // Its JSON text and bytes alone take more than a second.
    expect(systemClock.now() - startedAt).toBeLessThan(500)
    expect(troubles()).toEqual([['value_too_large', 'huge']])
    await expectNotStored('huge')
    await using alone = createCache({ name: 'alone' })
    expect((await alone.getOrSet('huge', () => value)) === value).toBe(true)
    expect(await alone.get('huge')).toBe(undefined)
    await expect(alone.set('huge', value)).rejects.toMatchObject({ code: 'value_too_large' })
  })

  test('maxValueBytes beyond what a connection holds is refused, naming it', () => {
    expect(() => createCache({ name: 'sizes', l2: redis(server.url), maxValueBytes: '64mb' })).toThrow(
      "maxValueBytes: expected at most '63mb' with Redis, got 67108864",
    )
  })

  test('large writes that do not fit together are told of, and L2 stays in use', async () => {
    await using wide = createCache({
      name: 'wide',
      l2: redis(server.url),
      maxValueBytes: '63mb',
      l2Timeout: '10s',
    })
    await until('the shared tier is in use', () => wide.stats().l2.online)
    const value = flat(30 * MB)
    const keys = Array.from({ length: 8 }, (_, i) => `k${i}`)
    expect(await Promise.all(keys.map((key) => wide.getOrSet(key, () => value)))).toEqual(
      keys.map(() => value),
    )
    await until('what was sent is there', () => wide.stats().flights === 0)
    const kinds = troubles().map((event) => Array.isArray(event) && event[0])
    expect(kinds).toContain('l2.write_failed')
    // It is our own doing, and says nothing against the server.
    expect(kinds).not.toContain('l2.breaker_opened')
    expect(wide.stats().l2).toMatchObject({ online: true, breaker: 'closed' })
    expect(await wide.getOrSet('small', () => 'v')).toBe('v')
    expect(await server.cli('EXISTS', 'v:{4:widesmall}')).toBe(1)
  })
})
