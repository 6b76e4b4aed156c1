import { type MemcachedServer, startMemcached, until } from '@holdfast/testkit'
import type { Cache } from 'holdfast'
import { systemClock } from 'holdfast/contracts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openCache, openIsland } from '../testing/open-island.ts'
import { Names } from './names.ts'

const DAY_MS = 86_400_000

let server: MemcachedServer
let cache: Cache
beforeAll(async () => {
  server = await startMemcached()
  cache = await openCache(server)
})
afterAll(async () => {
  await cache.close()
  await server.stop()
})

/** Whole seconds that an item has left; undefined: it is gone. */
async function secondsOf(name: string, kind: 'v' | 't'): Promise<number | undefined> {
  const { text, isBinary } = new Names('shop').of(kind, name)
  const seconds = /t(-?\d+)/.exec(await server.cli(`mg ${text} t${isBinary ? ' b' : ''}`))?.[1]
  return seconds === undefined ? undefined : Number(seconds)
}

describe('a value', () => {
  // From 30 days on the server takes a TTL for a moment in time, which was long ago.
  test.each([29, 30, 31, 400, 3650])('of %i days is kept for that long', async (days) => {
    await cache.set(`days ${days}`, days, { ttl: days * DAY_MS, jitter: 0, tags: [`tag ${days}`] })
    expect(await cache.get(`days ${days}`)).toBe(days)
    const left = await secondsOf(`days ${days}`, 'v')
    expect(left).toBeGreaterThanOrEqual(days * 86_400 - 1)
    expect(left).toBeLessThan(days * 86_400 + 4)
    // Tags live four times as long, until the server's clock ends in 2038.
    expect(await secondsOf(`tag ${days}`, 't')).toBeGreaterThanOrEqual(days * 86_400 - 1)
  })

  test('is never gone early', async () => {
    const ttl = 1100
    const setAt = systemClock.now()
    await cache.set('short', 1, { ttl, jitter: 0 })
    let lastSeenAt = setAt
    await until('it is gone', async () => {
      const askedAt = systemClock.now()
      const isThere = (await secondsOf('short', 'v')) !== undefined
      if (isThere) lastSeenAt = askedAt
      return !isThere
    })
    expect(lastSeenAt - setAt).toBeGreaterThan(ttl - 50)
  })
})

describe('a tag', () => {
  test('is prolonged by each entry that needs it for longer, and cut short by none', async () => {
    await using client = await openIsland(server)
    const mint = (lifeMs: number) => client.names.tokens('k', ['minted'], lifeMs, client.by)
    await mint(100_000)
    expect(await secondsOf('minted', 't')).toBeGreaterThan(98)
    // Whoever puts or loads under it prolongs it, where less than a quarter would be left.
    const load = (ttl: number) =>
      cache.getOrSet('k', () => 1, { ttl, jitter: 0, tags: ['minted'] }).then(() => cache.delete('k'))
    await load(1000)
    expect(await secondsOf('minted', 't')).toBeGreaterThan(90)
    await load(DAY_MS)
    await until('it is prolonged', async () => ((await secondsOf('minted', 't')) ?? 0) >= 86_400)
  })
})
