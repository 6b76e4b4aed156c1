/** What the cache makes Redis do, by the word of Redis: its own counters, and MONITOR where scripts would blur them. */
import { type RedisServer, startRedis, until } from '@holdfast/testkit'
import { type Cache, type CacheOptions, createCache } from 'holdfast'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { redis } from './redis.ts'
import { CommandLog } from './testing/command-log.ts'
import { type CommandCount, countedDuring } from './testing/server-counters.ts'

const TAGS = ['red', 'green', 'blue']
const BULK_MS_MAX = 60_000

let server: RedisServer
/** Two nodes: what `there` stores, `here` has not in its L1. */
let here: Cache
let there: Cache

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.cli('FLUSHALL', 'ASYNC')
  here = await open()
  there = await open()
})
afterEach(async () => {
  await here.close()
  await there.close()
})

async function open(options: Partial<CacheOptions> = {}): Promise<Cache> {
  const cache = createCache({ name: 'counted', l2: redis(server.url), l2Timeout: '10s', ...options })
  await until('the shared tier is in use', () => cache.stats().l2.online)
  return cache
}

const calls = (counts: ReadonlyMap<string, CommandCount>): Record<string, number> =>
  Object.fromEntries([...counts].map(([name, count]) => [name, count.calls]))
const countedCalls = async (work: () => Promise<unknown>): Promise<Record<string, number>> =>
  calls(await countedDuring(server, work))
const never = (): never => {
  throw new Error('nothing is to be loaded here')
}

/** What a node asks only once: the tokens of the namespace and of these tags, which pushes keep true from then on. */
async function warmUp(tags: readonly string[] = []): Promise<void> {
  await there.set('first', 1, { tags })
  await here.barrier()
  await here.get('first')
}

describe('a hit', () => {
  test('in L1 sends nothing', async () => {
    await here.getOrSet('k', () => 1, { tags: TAGS })
    const work = async (): Promise<unknown> => {
      for (let i = 0; i < 1000; i++) await here.getOrSet('k', never, { tags: TAGS })
      return await here.get('k')
    }
    expect(await countedCalls(work)).toEqual({})
  })

  test('in L2 is one GET', async () => {
    await warmUp()
    await there.set('k', 1)
    expect(await countedCalls(() => here.getOrSet('k', never))).toEqual({ get: 1 })
  })

  test('in L2 with three tags is one command, which reads value and tokens together', async () => {
    await there.set('k', 1, { tags: TAGS })
    expect(await countedCalls(() => here.getOrSet('k', never, { tags: TAGS }))).toEqual({ mget: 1 })
  })

  test('in L2 with three tags whose tokens are held is one GET', async () => {
    await warmUp(TAGS)
    await there.set('k', 1, { tags: TAGS })
    expect(await countedCalls(() => here.getOrSet('k', never, { tags: TAGS }))).toEqual({ get: 1 })
  })

  test('in L2 with tags that nobody told of is one command more', async () => {
    await warmUp()
    await there.set('k', 1, { tags: TAGS })
    expect(await countedCalls(() => here.get('k'))).toEqual({ get: 1, mget: 1 })
  })
})

describe('a miss', () => {
  test('is three trips: a read; lease and tokens; the fill and what proves it', async () => {
    await here.getOrSet('scripts are known', () => 1, { tags: TAGS })
    using log = await CommandLog.start(server)
    const names = await log.namesDuring(() => here.getOrSet('k', () => 1, { tags: TAGS }))
    // The last of each trip does not wait for the others of it.
    expect(names).toEqual(['GET', 'EVALSHA', 'EVALSHA', 'EVALSHA', 'MGET'])
  })

  test('publishes nothing: no message, no channel, no subscriber', async () => {
    const work = async (): Promise<void> => {
      await here.getOrSet('k', () => 1, { tags: TAGS })
      await here.set('k', 2, { tags: TAGS })
      await here.invalidateTag('red')
      await here.delete('k')
    }
    const counted = await countedCalls(work)
    expect(Object.keys(counted).filter((name) => /publish|subscribe/.test(name))).toEqual([])
    expect(await server.cli('PUBSUB', 'CHANNELS')).toEqual([])
  })

  test('leaves an L1 hit, in spite of the push of its own write; a foreign change is pushed all the same', async () => {
    await here.getOrSet('k', () => 'mine', { tags: TAGS })
    expect(await countedCalls(() => here.getOrSet('k', never, { tags: TAGS }))).toEqual({})
    await there.set('k', 'theirs', { tags: TAGS })
    await here.barrier()
    expect(await here.get('k')).toBe('theirs')
  })

  test('so does one whose tags are derived from the row', async () => {
    const tags = (row: string): string[] => [`of ${row}`]
    await here.getOrSet('k', () => 'mine', { tags })
    expect(await countedCalls(() => here.getOrSet('k', never, { tags }))).toEqual({})
    await there.invalidateTag('of mine')
    await here.barrier()
    expect(await here.get('k')).toBe(undefined)
  })
})

describe('a write', () => {
  test('with three tags is one command', async () => {
    await here.set('k', 1, { tags: TAGS })
    using log = await CommandLog.start(server)
    expect(await log.namesDuring(() => here.set('k', 2, { tags: TAGS }))).toEqual(['EVALSHA'])
  })

  test('leaves an L1 hit, in spite of the push of its own write', async () => {
    await warmUp(TAGS)
    await here.set('k', 1, { tags: TAGS })
    expect(await countedCalls(() => here.get('k'))).toEqual({})
  })

  const invalidations: Readonly<Record<string, () => Promise<unknown>>> = {
    delete: () => here.delete('k'),
    'delete of several keys': () => here.deleteMany(['k', 'l', 'm']),
    invalidateTag: () => here.invalidateTag('red'),
    'invalidation of three tags': () => here.invalidateTags(TAGS),
    clear: () => here.clear(),
  }
  test.each(Object.entries(invalidations))('%s is one command', async (_name, invalidate) => {
    await here.set('k', 1, { tags: TAGS })
    expect(await countedCalls(invalidate)).toEqual({ unlink: 1 })
    expect(await here.get('k')).toBe(undefined)
  })
})

describe('a tag over many keys', () => {
  test.each([10_000, 1_000_000])(
    '%i keys: invalidated by one command within a millisecond',
    async (entries) => {
      await here.set('original', 'value', { tags: ['all'] })
      await copyEntry('original', entries)
      expect(await server.cli('DBSIZE')).toBeGreaterThan(entries)
      const [seen] = await Promise.all([there.get('original'), there.barrier()])
      expect(seen).toBe('value')

      const counts = await countedDuring(server, () => here.invalidateTag('all'))
      expect(calls(counts)).toEqual({ unlink: 1 })
      const micros = [...counts.values()].reduce((sum, count) => sum + count.micros, 0)
      console.log(`a tag over ${entries} keys: ${micros} µs of the server's time`)
      expect(micros).toBeLessThan(1000)

      await there.barrier()
      expect([await here.get('original'), await there.get('original')]).toEqual([undefined, undefined])
      await expectNoOrphans()
    },
    BULK_MS_MAX,
  )
})

/** Stores copies of an entry as other keys: what a fleet would leave after that many fills under one tag. */
async function copyEntry(key: string, copies: number): Promise<void> {
  const source = `v:{7:counted${key}}`
  expect(await server.cli('EXISTS', source)).toBe(1)
  const script = `
    local value, px = redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])
    for i = ARGV[1], ARGV[2] do redis.call('SET', 'v:{7:counted' .. i .. '}', value, 'PX', px) end`
  // A script of 20,000 writes takes some 50 ms: the caches do not lose their connection over it.
  const step = 20_000
  for (let from = 1; from <= copies; from += step) {
    await server.cli('EVAL', script, 1, source, from, Math.min(copies, from + step - 1))
  }
}

/** Every key of ours ends by itself but the three of a namespace, and beside the values nothing grows with them. */
async function expectNoOrphans(): Promise<void> {
  const [, keys, expiring] = /^keys=(\d+),expires=(\d+)/.exec((await server.info('keyspace')).db0 ?? '') ?? []
  const declared = ['e:{7:counted}', 'i:{7:counted}', 'n:{7:counted}']
  expect(Number(keys) - Number(expiring)).toBe(await server.cli('EXISTS', ...declared))
  const others = await scan(Number(keys), '[^v]*')
  expect(others.filter((key) => !declared.includes(key) && key !== 't:{7:countedall}')).toEqual([])
  for (const key of others) expect(await server.cli('TYPE', key)).toBe('string')
}

/** The keys whose names match, by steps of which none holds up the server. */
async function scan(keys: number, pattern: string): Promise<readonly string[]> {
  const found: string[] = []
  let cursor = '0'
  // A scan visits each key about once; a few steps more mean that it does not end.
  for (let step = 0; step < keys / 20_000 + 10; step++) {
    const reply = await server.cli('SCAN', cursor, 'COUNT', 20_000, 'MATCH', pattern)
    const [next, page] = Array.isArray(reply) ? reply : []
    if (Array.isArray(page)) found.push(...page.map(String))
    cursor = String(next)
    if (cursor === '0') return found
  }
  throw new Error('the scan did not end')
}
