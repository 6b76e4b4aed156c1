/** Bulk calls of sizes that nobody should need (B29): each key has its own, in time that grows with their number. */
import { type RedisServer, startRedis } from '@holdfast/testkit'
import type { Cache } from 'holdfast'
import { systemClock } from 'holdfast/contracts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { countedDuring } from './testing/server-counters.ts'
import { openTiers } from './testing/tiers.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

const MANY = 100_000
// A call of so many keys takes 0.2 s without Redis and 2 s with it; the rest is slack for a busy machine.
const SANE_MS = 20_000

const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `key ${i}`)

describe.each(['L1 alone', 'L1 and Redis'] as const)('%s', (tiers) => {
  let cache: Cache
  beforeEach(async () => {
    await server.cli('FLUSHALL')
    cache = await openTiers(tiers, server.url)
  })
  afterEach(() => cache.close())

  test(`getMany of ${MANY} keys, three of which are there`, async () => {
    const keys = numbered(MANY)
    const there = [0, 1_999, 54_321].map((i) => [`key ${i}`, i] as const)
    await cache.setMany(there)
    const startedAt = systemClock.now()
    const found = await cache.getMany(keys)
    expect(systemClock.now() - startedAt).toBeLessThan(SANE_MS)
    expect(found).toHaveLength(MANY)
    expect(found.flatMap((value, i) => (value === undefined ? [] : [[keys[i], value]]))).toEqual(there)
  })

  test(`deleteMany of ${MANY} keys leaves those that were not among them`, async () => {
    await cache.setMany([
      ['key 0', 0],
      ['key 99999', 1],
      ['other', 2],
    ])
    const startedAt = systemClock.now()
    expect(await cache.deleteMany(numbered(MANY))).toEqual({ l2: 'applied' })
    expect(systemClock.now() - startedAt).toBeLessThan(SANE_MS)
    expect(await cache.getMany(['key 0', 'key 99999', 'other'])).toEqual([undefined, undefined, 2])
  })

  test('a key said twice is loaded once however far apart, also where there is no value for it', async () => {
    const asked: string[] = []
    const loader = (keys: readonly string[]): (string | undefined)[] => {
      asked.push(...keys)
      return keys.map((key) => (key === 'none' ? undefined : key))
    }
    const keys = ['none', ...numbered(2_500), 'none', 'key 0']
    const answers = await cache.getOrSetMany(keys, loader)
    expect(answers).toEqual(keys.map((key) => (key === 'none' ? undefined : key)))
    expect(asked).toHaveLength(2_501)
    expect(new Set(asked).size).toBe(2_501)
  })

  test('a write touches at most 2,000 keys, and says so before it commits', async () => {
    let commits = 0
    const commit = () => ++commits
    const message = 'keys: expected at most 2000 of them: a tag stands for any number, got an array of 2001'
    await expect(cache.write({ keys: numbered(2_001) }, commit)).rejects.toThrow(message)
    expect(commits).toBe(0)
    await cache.setMany(numbered(3).map((key) => [key, 'old']))
    expect(await cache.write({ keys: numbered(2_000) }, commit)).toEqual({ value: 1, l2: 'applied' })
    expect(await cache.getMany(numbered(3))).toEqual([undefined, undefined, undefined])
  })
})

test('a write of many keys costs the server time in proportion to them', async () => {
  await using cache = await openTiers('L1 and Redis', server.url)
  // The best of several: a server that another process interrupts counts that time, too.
  const microsOf = async (keys: number): Promise<number> => {
    const micros: number[] = []
    for (let i = 0; i < 5; i++) {
      const counts = await countedDuring(server, () => cache.write({ keys: numbered(keys) }, () => 1))
      micros.push(counts.get('evalsha')?.micros ?? Number.NaN)
    }
    return Math.min(...micros)
  }
  const [few, many] = [await microsOf(200), await microsOf(2_000)]
  // Ten times the keys: ten times the time, with some slack. A read among the commands of each key made it a hundred times.
  expect(many / few).toBeLessThan(35)
})
