/** F26: the server becomes a replica. Its primary is followed, or the address that is pointed anew. */
import { freePort, pause, type RedisServer, startFaultProxy, until } from '@holdfast/testkit'
import type { Cache, CacheOptions, Invalidated } from 'holdfast'
import { systemClock } from 'holdfast/contracts'
import { describe, expect, test } from 'vitest'
import { Names } from '../names.ts'
import { redis } from '../redis.ts'
import { cacheOver, inUseAgain } from '../testing/open-cache.ts'
import { answerBoundMs, overrunMs, SLACK_MS } from '../testing/overrun.ts'
import { follow, ReplicaPair } from '../testing/replica-pair.ts'

// The promise of F26.
const FOLLOWED_MS = 3000

interface Told {
  readonly cache: Cache
  /** Its warnings. */
  readonly lines: string[]
}

async function open(url: string, options: Partial<CacheOptions> = {}): Promise<Told> {
  const lines: string[] = []
  const logger = { info: () => undefined, warn: (line: string) => void lines.push(line) }
  const cache = cacheOver(url, { logger, ...options })
  await inUseAgain(cache)
  return { cache, lines }
}

/** When this server serves the cache. */
async function servedBy(server: { cli(...args: string[]): Promise<unknown> }): Promise<number> {
  await until('the cache is served by the new primary', async () => {
    return String(await server.cli('CLIENT', 'LIST')).includes('name=holdfast:faults ')
  })
  return systemClock.now()
}

/** Hands over, and answers how long the cache was not served by a primary. */
async function failover(pair: ReplicaPair, from: RedisServer, to: RedisServer): Promise<number> {
  const [promotedMs, servedMs] = await Promise.all([pair.failover(from, to), servedBy(to)])
  return servedMs - promotedMs
}

const detours = (lines: readonly string[]): string[] =>
  lines.filter((line) => line.includes('is a replica; going on'))

describe('FAILOVER', () => {
  test('the primary that the old one names is followed within 3 s, and no invalidation is lost on the way', async () => {
    await using pair = await ReplicaPair.start()
    const { first, second } = pair
    const keys = Array.from({ length: 400 }, (_, i) => `k${i}`)
    // By another process: its own writes are removed by 'replay' too.
    const writer = cacheOver(first.url)
    await writer.setMany(keys.map((key) => [key, 'old']))
    await writer.close()
    // Values stay warm by 'replay', or the fence would hide what was lost.
    const { cache, lines } = await open(first.url, { l2: redis(first.url, { failover: 'replay' }) })
    await using _ = cache
    const outcomes = new Map<string, Invalidated['l2']>()
    const overruns: number[] = []
    let failedOver: Promise<number> | undefined
    for (const key of keys.slice(0, 300)) {
      if (outcomes.size === 50) failedOver = failover(pair, first, second)
      const deleting = async () => {
        outcomes.set(key, (await cache.delete(key)).l2)
      }
      overruns.push(await overrunMs(answerBoundMs(0), deleting))
      await pause(2)
    }
    const followedMs = (await failedOver) ?? Infinity
    await until('nothing is owed', () => cache.stats().l2.queuedInvalidations === 0)
    const queued = [...outcomes.values()].filter((l2) => l2 === 'queued').length
    console.log(
      `F26: followed in ${followedMs.toFixed(0)} ms; ${queued} of 300 deletes were queued, then applied`,
    )
    expect(followedMs).toBeLessThan(FOLLOWED_MS)
    expect(Math.max(...overruns)).toBeLessThan(SLACK_MS)
    expect(queued).toBeGreaterThan(0)
    expect(detours(lines)).toEqual([
      `cache "faults": L2 ${first.url}/0: 127.0.0.1:${first.port} is a replica; going on with its primary 127.0.0.1:${second.port}`,
    ])
    const names = new Names('faults')
    const left = await second.cli('MGET', ...keys.map((key) => names.of('v', key)))
    expect(keys.filter((_, i) => Array.isArray(left) && left[i] !== null)).toEqual(keys.slice(300))
    expect(await cache.getMany(keys.slice(250, 350))).toEqual([
      ...Array.from({ length: 50 }, () => undefined),
      ...Array.from({ length: 50 }, () => 'old'),
    ])
  })

  test('there and back: each time what was there before is fenced, and what is new is served', async () => {
    await using pair = await ReplicaPair.start()
    const { first, second } = pair
    const { cache, lines } = await open(first.url)
    await using _ = cache
    await cache.set('k', 'first')
    expect(await failover(pair, first, second)).toBeLessThan(FOLLOWED_MS)
    await inUseAgain(cache)
    expect(await cache.get('k')).toBeUndefined()
    expect(await cache.set('k', 'second')).toEqual({ l2: 'applied', stored: true })
    expect(await failover(pair, second, first)).toBeLessThan(FOLLOWED_MS)
    await inUseAgain(cache)
    expect(await cache.get('k')).toBeUndefined()
    expect(await cache.set('k', 'third')).toEqual({ l2: 'applied', stored: true })
    expect(await cache.get('k')).toBe('third')
    expect(detours(lines)).toHaveLength(2)
  })
})

test('the configured address is used again when it is pointed to another server, whatever primary was named', async () => {
  await using pair = await ReplicaPair.start()
  const { first, second } = pair
  await using proxy = await startFaultProxy({ port: first.port })
  const { cache, lines } = await open(`redis://127.0.0.1:${proxy.port}`)
  await using _ = cache
  await cache.set('k', 'old')
  await second.cli('REPLICAOF', 'NO', 'ONE')
  // Nobody listens where the old primary thinks that the new one is.
  await first.cli('REPLICAOF', '127.0.0.1', await freePort())
  await until('the named primary was tried', () => detours(lines).length > 0 && !cache.stats().l2.online)
  await pause(300)
  const startMs = systemClock.now()
  proxy.retarget(second.port)
  await inUseAgain(cache)
  const tookMs = systemClock.now() - startMs
  console.log(`F26: a re-pointed address is used after ${tookMs.toFixed(0)} ms`)
  expect(tookMs).toBeLessThan(FOLLOWED_MS)
  expect(await cache.get('k')).toBeUndefined()
  expect(await cache.set('k', 'new')).toEqual({ l2: 'applied', stored: true })
  expect(await second.cli('EXISTS', new Names('faults').of('v', 'k'))).toBe(1)
  expect(detours(lines)).toHaveLength(1)
})

test('a replica at the start leads to its primary, with the same user, password and database', async () => {
  await using pair = await ReplicaPair.start('p@ss word')
  const { first, second } = pair
  const { cache, lines } = await open(`${second.url}/3`)
  await using _ = cache
  expect(await cache.set('k', 'v')).toEqual({ l2: 'applied', stored: true })
  expect(String(await first.info('keyspace').then(({ db3 }) => db3))).toContain('keys=')
  expect(detours(lines)).toHaveLength(1)
  expect(lines.join()).not.toContain('p@ss')
})

test('replicas that name each other are asked at a bounded rate, and one that is promoted is found', async () => {
  await using pair = await ReplicaPair.start()
  const { first, second } = pair
  const { cache, lines } = await open(first.url)
  await using _ = cache
  await first.cli('REPLICAOF', '127.0.0.1', second.port)
  await until('the first is left', () => !cache.stats().l2.online)
  const connections = async (): Promise<number> => {
    const [one, two] = await Promise.all([first.info('stats'), second.info('stats')])
    return Number(one.total_connections_received) + Number(two.total_connections_received)
  }
  const before = await connections()
  await pause(1500)
  // Each step of the backoff is four attempts; the servers' own, to each other, are two a second.
  expect((await connections()) - before).toBeLessThan(80)
  expect(detours(lines)).toHaveLength(2)
  const startMs = systemClock.now()
  await second.cli('REPLICAOF', 'NO', 'ONE')
  await inUseAgain(cache)
  expect(systemClock.now() - startMs).toBeLessThan(FOLLOWED_MS)
  expect(await cache.set('k', 'v')).toEqual({ l2: 'applied', stored: true })
  await follow(first, second)
})
