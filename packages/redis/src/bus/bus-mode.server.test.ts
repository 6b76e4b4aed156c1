/** L1 mode 'bus' over real servers: what passes between processes, and what a broken network makes of it. */
import {
  type FaultProxy,
  pause,
  percentile,
  type RedisServer,
  startFaultProxy,
  startRedis,
  until,
} from '@holdfast/testkit'
import { type Cache, type CacheOptions, createCache } from 'holdfast'
import { systemClock } from 'holdfast/contracts'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { redis } from '../redis.ts'
import { loopHolds } from '../testing/loop-holds.ts'
import { SILENT } from '../testing/open-cache.ts'
import { ReplicaPair } from '../testing/replica-pair.ts'
import { ToldProcess } from '../testing/told-process.ts'
import { leastBusAcl } from './least-bus-acl.ts'
import { redisBus } from './redis-bus.ts'

const MAX_STALE_MS = 1000
const CHANNEL = 'holdfast:bus:0:shop'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
afterEach(async () => {
  await server.cli('FLUSHALL')
})

async function open(busUrl: string = server.url, options: Partial<CacheOptions> = {}): Promise<Cache> {
  const cache = createCache({
    name: 'shop',
    l2: redis(server.url),
    l1: { mode: 'bus', bus: redisBus(busUrl), maxStale: MAX_STALE_MS },
    logger: SILENT,
    ...options,
  })
  await until('L1 is verified', () => cache.stats().bus.verified && cache.stats().l2.online)
  return cache
}

/** Two processes in one, which know each other. */
async function pair(busOfA: string = server.url): Promise<{ a: Cache; b: Cache } & AsyncDisposable> {
  const [a, b] = [await open(busOfA), await open()]
  await until('they know each other', () =>
    [a, b].every((cache) => cache.stats().bus.publishers === 1 && cache.stats().bus.verified),
  )
  return {
    a,
    b,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([a.close(), b.close()])
    },
  }
}

test('a hit asks nobody, and what another process deletes is gone when it is told', async () => {
  await using caches = await pair()
  const { a, b } = caches
  await b.set('k', 'old', { tags: ['t'] })
  await a.barrier()
  expect(await a.get('k')).toBe('old')
  const reads = await readsOf(server)
  for (let i = 0; i < 100; i++) expect(await a.get('k')).toBe('old')
  expect(await readsOf(server)).toBe(reads)
  expect(a.stats().hits.l1).toBe(100)
  expect(await b.delete('k')).toEqual({ l2: 'applied' })
  // What was applied before it has been heard behind it.
  await a.barrier()
  expect(await a.get('k')).toBeUndefined()
})

async function readsOf(redisServer: RedisServer): Promise<number> {
  const { cmdstat_get = '', cmdstat_mget = '' } = await redisServer.info('commandstats')
  return [cmdstat_get, cmdstat_mget].reduce(
    (sum, stat) => sum + Number(/calls=(\d+)/.exec(stat)?.[1] ?? 0),
    0,
  )
}

test('F18: the bus is dropped for half a second while another process invalidates', async () => {
  await using proxy = await startFaultProxy(server)
  await using caches = await pair(`redis://127.0.0.1:${proxy.port}`)
  const { a, b } = caches
  await b.setMany(
    [
      ['key', 'old'],
      ['tagged', 'old'],
    ],
    { tags: ['t'] },
  )
  await a.getMany(['key', 'tagged'])
  for (const drop of [cutOff, blackHole]) {
    await b.setMany(
      [
        ['key', 'old'],
        ['tagged', 'old'],
      ],
      { tags: ['t'] },
    )
    await a.barrier()
    expect(await a.getMany(['key', 'tagged'])).toEqual(['old', 'old'])
    drop(proxy)
    expect(await b.delete('key')).toEqual({ l2: 'applied' })
    expect(await b.invalidateTag('t')).toEqual({ l2: 'applied' })
    await pause(500)
    proxy.heal()
    // Not later than Δ after they were acknowledged, whatever became of the connection.
    await pause(MAX_STALE_MS - 500)
    expect(await a.getMany(['key', 'tagged']), drop.name).toEqual([undefined, undefined])
    await until('L1 is verified again', () => a.stats().bus.verified)
    expect(await a.getMany(['key', 'tagged']), drop.name).toEqual([undefined, undefined])
  }
})

function cutOff(proxy: FaultProxy): void {
  proxy.inject({ refuse: true })
  proxy.cut()
}

function blackHole(proxy: FaultProxy): void {
  proxy.inject({ blackhole: true })
}

test('F21: 50,000 messages a second keep nobody waiting, and all of it is heard or told of', {
  timeout: 60_000,
}, async () => {
  await using caches = await pair()
  const { a } = caches
  await a.setMany(Array.from({ length: 1000 }, (_, i) => [`user:${i}`, i] as const))
  const file = new URL('../testing/flood-bus.test-process.ts', import.meta.url)
  const before = a.stats().bus
  await using flood = new ToldProcess(file, [String(server.port), CHANNEL, '50000', '1'])
  const told = flood.told<{ sent: number }>()
  let isOver = false
  const holding = loopHolds(() => isOver)
  const reading = (async () => {
    for (let n = 0; !isOver; n++) {
      await a.get(`user:${n % 1000}`)
      await pause(1)
    }
  })()
  const { sent } = await told
  await until('all of it is heard, or dropped', () => {
    const { received, doubts } = a.stats().bus
    return received - before.received >= sent || doubts.overflow > 0
  })
  isOver = true
  await reading
  // Two caches in one process hear it all.
  expect(percentile(await holding, 0.99)).toBeLessThan(50)
  await until('L1 is verified again', () => a.stats().bus.verified && a.stats().l2.online)
  await a.set('user:1', 'after')
  expect(await a.get('user:1')).toBe('after')
})

test('B37: garbage, 100 MB, a future version', { timeout: 60_000 }, async () => {
  await using caches = await pair()
  const { a, b } = caches
  await b.set('k', 'v')
  await a.get('k')
  const { ignored } = a.stats().bus
  const future = Buffer.alloc(200)
  future.set([0x48, 0x62, 7, 0])
  for (const frame of [Buffer.alloc(0), Buffer.from('PING'), Buffer.alloc(10_000_000, 1), future])
    await server.cli('PUBLISH', CHANNEL, frame)
  await a.barrier()
  expect(a.stats().bus).toMatchObject({ ignored: ignored + 4, doubts: { newer: 1, lost: 0 } })
  // Above the server's own bound for a subscriber (32 MB): it hangs up, which is a loss like any other.
  await server.cli('PUBLISH', CHANNEL, Buffer.alloc(100 * 1024 ** 2))
  await until('both have noticed, and are back', () =>
    [a, b].every((cache) => cache.stats().bus.doubts.lost > 0 && cache.stats().bus.verified),
  )
  expect(await a.get('k')).toBe('v')
  await b.delete('k')
  await a.barrier()
  expect(await a.get('k')).toBeUndefined()
})

describe('the server of the bus', () => {
  test('killed: deletes are queued, L1 asks L2; it is used again when it is back', async () => {
    await using bus = await startRedis()
    await using a = await open(bus.url)
    await using b = await open(bus.url)
    await b.set('k', 'old')
    expect(await a.get('k')).toBe('old')
    await bus.kill()
    await until('the loss is noticed', () => !a.stats().bus.online && !b.stats().bus.online)
    expect(await b.delete('k')).toEqual({ l2: 'queued' })
    expect(await a.get('k')).toBeUndefined()
    expect(await b.set('k', 'new')).toEqual({ l2: 'queued', stored: true })
    expect(await a.get('k')).toBe('new')
    await bus.restart()
    await until('L1 is verified again', () => a.stats().bus.verified && b.stats().bus.verified)
    expect(await b.delete('k')).toEqual({ l2: 'applied' })
    await a.barrier()
    expect(await a.get('k')).toBeUndefined()
  })

  test('frozen: a delete is queued within its time, and what was late does no harm', async () => {
    await using bus = await startRedis()
    await using a = await open(bus.url)
    await using b = await open(bus.url)
    await b.set('k', 'old')
    expect(await a.get('k')).toBe('old')
    bus.pause()
    const asked = systemClock.now()
    expect(await b.delete('k')).toEqual({ l2: 'queued' })
    expect(systemClock.now() - asked).toBeLessThan(250 + 150)
    await pause(MAX_STALE_MS)
    expect(a.stats().bus.verified).toBe(false)
    expect(await a.get('k')).toBeUndefined()
    bus.resume()
    await until('L1 is verified again', () => a.stats().bus.verified && b.stats().bus.verified)
    expect(await a.get('k')).toBeUndefined()
  })

  test('a replica is left for its primary, and a primary that was demoted is left', async () => {
    await using servers = await ReplicaPair.start()
    await using a = await open(servers.second.url)
    await using b = await open(servers.first.url)
    await b.set('k', 'old')
    await until(
      'they know each other',
      () => a.stats().bus.publishers === 1 && b.stats().bus.publishers === 1,
    )
    expect(await a.get('k')).toBe('old')
    expect(await b.delete('k')).toEqual({ l2: 'applied' })
    await a.barrier()
    expect(await a.get('k')).toBeUndefined()
    await b.set('k', 'old')
    await a.get('k')
    await servers.failover(servers.first, servers.second)
    await until('both are there', () => a.stats().bus.verified && b.stats().bus.verified)
    await until(
      'they know each other',
      () => a.stats().bus.publishers === 1 && b.stats().bus.publishers === 1,
    )
    expect(await b.delete('k')).toEqual({ l2: 'applied' })
    await a.barrier()
    expect(await a.get('k')).toBeUndefined()
  })

  test('a user with the least rights is enough, and one without is told which', async () => {
    const users = [leastBusAcl(), leastBusAcl('shop'), leastBusAcl('other')]
    for (const [i, rules] of users.entries()) {
      await server.cli('ACL', 'SETUSER', `bus${i}`, 'on', '>secret', ...rules)
    }
    await server.cli('ACL', 'LOG', 'RESET')
    const urlOf = (i: number): string => server.url.replace('://', `://bus${i}:secret@`)
    await using a = await open(urlOf(0))
    await using b = await open(urlOf(1))
    await b.set('k', 'old')
    await a.get('k')
    await b.delete('k')
    await a.barrier()
    expect(await a.get('k')).toBeUndefined()
    expect(JSON.stringify(await server.cli('ACL', 'LOG'))).toBe('[]')
    const lines: string[] = []
    const logger = {
      info: (line: string) => void lines.push(line),
      warn: (line: string) => void lines.push(line),
    }
    await using c = createCache({
      name: 'shop',
      l2: redis(server.url),
      l1: { mode: 'bus', bus: redisBus(urlOf(2)) },
      logger,
    })
    await until('the refusal is told', () => lines.some((line) => line.includes('leastBusAcl()')))
    expect(lines.join('\n')).not.toContain('secret')
    expect(c.stats().bus.online).toBe(false)
  })
})
