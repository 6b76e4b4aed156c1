/**
 * Rule R: a server comes back with data from before an acknowledged invalidation, or another one takes its place that
 * never had it. Under 'fence' nothing old comes back; under 'replay' nothing that this process invalidated, and the rest
 * stays warm.
 */
import { type RedisServer, startFaultProxy, startRedis, until } from '@holdfast/testkit'
import type { Cache } from 'holdfast'
import { describe, expect, test } from 'vitest'
import { Names } from '../names.ts'
import { inUseAgain, openCache } from '../testing/open-cache.ts'
import { inStep, ReplicaPair } from '../testing/replica-pair.ts'
import { fenceRule, type MakeRule, redisUnder, replayRule, ruleMutants } from '../testing/rules.ts'

// Longer than any of these tests: what is stale or expired is so by what was asked for.
const OPTIONS = { ttl: '1h', swr: '1h', staleIfError: '1h' } as const

const open = (url: string, rule: MakeRule): Promise<Cache> =>
  openCache(url, { ...OPTIONS, l2: redisUnder(url, rule) })
const startServer = (): Promise<RedisServer> => startRedis()

/** Every way to make a value go that is told to L2. */
const GONE = ['deleted', 'tagged', 'cleared', 'expired', 'overwritten', 'written'] as const

async function seed(cache: Cache): Promise<void> {
  for (const key of ['deleted', 'expired', 'overwritten', 'written', 'warm']) await cache.set(key, 'old')
  await cache.set('tagged', 'old', { tags: ['t'] })
  await cache.set('warm, tagged', 'old', { tags: ['u'] })
  await cache.namespace('inner').set('cleared', 'old')
}

async function invalidate(cache: Cache): Promise<void> {
  const applied = await Promise.all([
    cache.delete('deleted'),
    cache.invalidateTag('t'),
    cache.namespace('inner').clear(),
    cache.expire('expired'),
    cache.set('overwritten', 'new'),
    cache.write({ keys: ['written'] }, () => undefined),
  ])
  for (const { l2 } of applied) expect(l2).toBe('applied')
}

/** The names under which a cache still answers the old value as a fresh one. */
async function oldOn(cache: Cache): Promise<string[]> {
  const inner = cache.namespace('inner')
  const found = await Promise.all(
    GONE.map(async (key) => {
      const entry = await (key === 'cleared' ? inner : cache).getEntry(key)
      return entry?.value === 'old' && entry.state === 'fresh' ? [key] : []
    }),
  )
  return found.flat()
}

/** kill -9 some time after a snapshot, and a restart on the same port with it. */
async function returnInTime(server: RedisServer): Promise<void> {
  await server.kill()
  await server.restart()
}

interface Returned {
  /** Old values that the caches served which had seen them go, and one that is new. */
  readonly old: readonly (readonly string[])[]
  /** How many of the two values that nobody invalidated are there without a load. */
  readonly warm: number
}

/** A snapshot, the invalidations of one cache, a return to the snapshot; seen by it, by another and by a new one. */
async function restartAfterSnapshot(rule: MakeRule): Promise<Returned> {
  await using server = await startServer()
  await using cache = await open(server.url, rule)
  await using other = await open(server.url, rule)
  await seed(cache)
  await seenBy(other)
  await settle(server, cache, other)
  await server.cli('SAVE')
  await invalidate(cache)
  expect(await oldOn(cache)).toEqual([])
  await returnInTime(server)
  await Promise.all([inUseAgain(cache), inUseAgain(other)])
  await using fresh = await open(server.url, rule)
  const old = [await oldOn(cache), await oldOn(other), await oldOn(fresh)]
  const warm = await cache.getMany(['warm', 'warm, tagged'])
  return { old, warm: warm.filter((value) => value === 'old').length }
}

/**
 * As if seconds had passed: under 'replay' the beacon, which tells a process what data are older than, goes out with
 * the first heartbeat of a connection.
 */
async function settle(server: RedisServer, ...caches: readonly Cache[]): Promise<void> {
  await server.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  for (const cache of caches) {
    await inUseAgainOn(server, cache)
    await cache.barrier()
  }
}

/** Reads everything once, so that it is in L1 too. */
async function seenBy(cache: Cache): Promise<void> {
  await oldOn(cache)
}

describe('BGSAVE, invalidations, kill -9, restart with the snapshot', () => {
  test("'fence': nothing comes back, for nobody", async () => {
    expect(await restartAfterSnapshot(fenceRule)).toEqual({ old: [[], [], []], warm: 0 })
  })

  test("'replay': nothing that a process invalidated comes back once it is there again; the rest is warm", async () => {
    expect(await restartAfterSnapshot(replayRule)).toEqual({ old: [[], [], []], warm: 2 })
  })

  test('with the rule switched off, or without its memory, everything comes back: the check notices', async () => {
    const everything = [...GONE]
    for (const mutant of [ruleMutants.off, ruleMutants.forgetful]) {
      const { old, warm } = await restartAfterSnapshot(mutant)
      expect(old).toEqual([everything, everything, everything])
      expect(warm).toBe(2)
    }
  })
})

describe("'replay' falls back to 'fence'", () => {
  /** The warm value after a restart with old data; `meanwhile` happens behind the snapshot. */
  async function warmAfter(
    beforehand: (server: RedisServer) => Promise<unknown>,
    meanwhile: (cache: Cache) => Promise<unknown>,
  ): Promise<unknown> {
    await using server = await startServer()
    await using cache = await open(server.url, replayRule)
    await cache.set('warm', 'old')
    await settle(server, cache)
    await beforehand(server)
    await server.cli('SAVE')
    await meanwhile(cache)
    await returnInTime(server)
    await inUseAgain(cache)
    return await cache.get('warm')
  }
  const nothing = async (): Promise<void> => undefined

  test('not where it knows everything', async () => {
    expect(await warmAfter(nothing, (cache) => cache.delete('k'))).toBe('old')
  })

  test('where more was invalidated than it remembers', async () => {
    const keys = Array.from({ length: 10_001 }, (_, i) => `k${i}`)
    expect(await warmAfter(nothing, (cache) => cache.deleteMany(keys))).toBeUndefined()
    expect(await warmAfter(nothing, (cache) => cache.deleteMany(keys.slice(0, 9000)))).toBe('old')
  })

  test('where the data do not say how old they are', async () => {
    const forget = (server: RedisServer) =>
      server.cli('EVAL', "for _, k in ipairs(redis.call('KEYS', 'i:{0:*')) do redis.call('DEL', k) end", 0)
    expect(await warmAfter(forget, nothing)).toBeUndefined()
  })

  test('in a process that is younger than the outage', async () => {
    await using server = await startServer()
    const before = await open(server.url, replayRule)
    await before.set('warm', 'old')
    await server.cli('SAVE')
    await before.delete('warm')
    await before.close()
    await returnInTime(server)
    await using cache = await open(server.url, replayRule)
    expect(await cache.get('warm')).toBeUndefined()
  })
})

describe('a server that restarts without data', () => {
  test.each([
    ['fence', fenceRule],
    ['replay', replayRule],
  ] as const)("serves nothing, takes new values, and no old tag token counts: '%s'", async (_, rule) => {
    await using server = await startServer()
    await using cache = await open(server.url, rule)
    await seed(cache)
    await returnInTime(server)
    await inUseAgain(cache)
    expect(await cache.getMany(['warm', 'tagged', 'warm, tagged'])).toEqual([undefined, undefined, undefined])
    expect(await cache.set('tagged', 'new', { tags: ['t'] })).toEqual({ l2: 'applied', stored: true })
    await using other = await open(server.url, rule)
    expect(await other.get('tagged')).toBe('new')
    await other.invalidateTag('t')
    expect(await other.get('tagged')).toBeUndefined()
    await until('the tag is gone here too', async () => (await cache.get('tagged')) === undefined)
  })
})

describe('a replica that never heard of an invalidation is promoted', () => {
  /** The primary dies with the invalidations that the replica, promoted too early, does not hear of. */
  async function promoteBehind(rule: MakeRule): Promise<Pick<Returned, 'warm'> & { old: readonly string[] }> {
    await using pair = await ReplicaPair.start()
    const { first, second } = pair
    await using proxy = await startFaultProxy({ port: first.port })
    await using cache = await open(`redis://127.0.0.1:${proxy.port}`, rule)
    await seed(cache)
    await settle(first, cache)
    await inStep(second, first)
    await second.cli('REPLICAOF', 'NO', 'ONE')
    await invalidate(cache)
    await first.kill()
    proxy.retarget(second.port)
    await inUseAgainOn(second, cache)
    const warm = await cache.getMany(['warm', 'warm, tagged'])
    return { old: await oldOn(cache), warm: warm.filter((value) => value === 'old').length }
  }

  test("'fence': nothing old comes back", async () => {
    expect(await promoteBehind(fenceRule)).toEqual({ old: [], warm: 0 })
  })

  test("'replay': nothing old comes back, and the rest is warm", async () => {
    expect(await promoteBehind(replayRule)).toEqual({ old: [], warm: 2 })
  })

  test('with the rule switched off everything comes back', async () => {
    expect(await promoteBehind(ruleMutants.off)).toEqual({ old: [...GONE], warm: 2 })
  })
})

describe('a primary that was away comes back as it was, with its own mark', () => {
  /** What a value is on the first primary, which missed that the second one served and deleted it. */
  async function comeBack(
    rule: MakeRule,
    demoted: boolean,
    who: 'the same process' | 'a new one',
  ): Promise<unknown> {
    await using pair = await ReplicaPair.start()
    const { first, second } = pair
    await using proxy = await startFaultProxy({ port: first.port })
    const url = `redis://127.0.0.1:${proxy.port}`
    await using cache = await open(url, rule)
    await cache.set('k', 'old')
    await inStep(second, first)
    await second.cli('REPLICAOF', 'NO', 'ONE')
    proxy.retarget(second.port)
    await inUseAgainOn(second, cache)
    expect(await cache.delete('k')).toEqual({ l2: 'applied' })
    if (demoted) {
      await first.cli('REPLICAOF', '127.0.0.1', proxy.port)
      await first.cli('REPLICAOF', 'NO', 'ONE')
    }
    expect(await first.cli('EXISTS', new Names('faults').of('v', 'k'))).toBe(1)
    await second.kill()
    if (who === 'a new one') await cache.close()
    proxy.retarget(first.port)
    if (who === 'the same process') {
      await inUseAgainOn(first, cache)
      return await cache.get('k')
    }
    await using fresh = await open(url, rule)
    return await fresh.get('k')
  }

  test('a process that comes from the other one does not believe it', async () => {
    expect(await comeBack(fenceRule, false, 'the same process')).toBeUndefined()
    expect(await comeBack(ruleMutants.withoutMemory, false, 'the same process')).toBe('old')
  })

  test('nobody believes it once it was demoted and promoted again, which its run id does not tell', async () => {
    expect(await comeBack(fenceRule, true, 'a new one')).toBeUndefined()
    expect(await comeBack(ruleMutants.runIdOnly, true, 'a new one')).toBe('old')
  })
})

async function inUseAgainOn(server: RedisServer, cache: Cache): Promise<void> {
  await until('this server serves the cache', async () => {
    return String(await server.cli('CLIENT', 'LIST')).includes('name=holdfast:faults ')
  })
  await inUseAgain(cache)
}

test('processes that follow one another to a new primary fence it once, not once each', async () => {
  await using pair = await ReplicaPair.start()
  await using a = await open(pair.first.url, fenceRule)
  await using b = await open(pair.first.url, fenceRule)
  await a.set('k', 'old')
  expect(await b.get('k')).toBe('old')
  await pair.failover(pair.first, pair.second)
  const token = () => pair.second.cli('GET', new Names('faults').own('n'))
  for (const cache of [a, b]) await inUseAgainOn(pair.second, cache)
  await until('both are on the new primary', async () => {
    const clients = String(await pair.second.cli('CLIENT', 'LIST'))
    return clients.split('name=holdfast:faults ').length === 3
  })
  await a.set('k', 'new')
  const minted = await token()
  expect(minted).not.toBeNull()
  expect(await b.get('k')).toBe('new')
  // Each of them comes again.
  await pair.second.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  for (const cache of [a, b]) await inUseAgainOn(pair.second, cache)
  expect(await token()).toBe(minted)
  expect(await b.get('k')).toBe('new')
})
