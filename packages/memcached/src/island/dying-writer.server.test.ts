import { type MemcachedServer, startMemcached, until } from '@holdfast/testkit'
import { systemClock } from 'holdfast/contracts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openCache, openIsland } from '../testing/open-island.ts'

// How long the names of a writer that dies are protected: as core asks for, shortened.
const QUARANTINE_MS = 700

let server: MemcachedServer
beforeAll(async () => {
  server = await startMemcached()
})
afterAll(() => server.stop())

describe('a writer that dies between its commit and the invalidation', () => {
  test('leaves nothing old behind: what was stored is gone, and what is loaded meanwhile is not stored', async () => {
    await using cache = await openCache(server)
    let database = 'old'
    const load = (key: string) => cache.getOrSet(key, () => database, { tags: ['t'] })
    expect([await load('k'), await load('by tag')]).toEqual(['old', 'old'])
    const writer = await openIsland(server)
    const token = systemClock.token()
    await writer.names.quarantine({ keys: ['k'], tags: ['t'] }, token, QUARANTINE_MS, writer.by)
    const quarantinedAt = systemClock.now()
    await writer.store.close()
    // Its row is not committed yet: whoever loads now loads the old one.
    for (let i = 0; i < 5; i++) {
      expect([await load('k'), await load('by tag')]).toEqual(['old', 'old'])
      expect([await cache.get('k'), await cache.get('by tag')]).toEqual([undefined, undefined])
    }
    database = 'new'
    await until('values are stored again', async () => {
      await load('k')
      return (await cache.get('k')) !== undefined
    })
    expect(systemClock.now() - quarantinedAt).toBeGreaterThan(QUARANTINE_MS - 100)
    expect([await load('k'), await load('by tag')]).toEqual(['new', 'new'])
  })

  test('leaves nothing old behind where somebody else deletes the key meanwhile', async () => {
    await using cache = await openCache(server)
    const writer = await openIsland(server)
    await writer.names.quarantine({ keys: ['d'], tags: [] }, systemClock.token(), QUARANTINE_MS, writer.by)
    await writer.store.close()
    await cache.delete('d')
    expect(await cache.getOrSet('d', () => 'old')).toBe('old')
    expect(await cache.get('d')).toBeUndefined()
  })

  test('is not in the way of tags that a row brings along while it lives', async () => {
    await using cache = await openCache(server)
    await using writer = await openIsland(server)
    const token = systemClock.token()
    await writer.names.quarantine({ keys: [], tags: ['row'] }, token, 60_000, writer.by)
    const tags = (row: { tag: string }) => [row.tag]
    expect(await cache.getOrSet('derived', () => ({ tag: 'row' }), { tags })).toEqual({
      tag: 'row',
    })
    // Nobody could know that its tag is in quarantine: it was not stored all the same.
    expect(await cache.get('derived')).toBeUndefined()
    await writer.names.unquarantine({ keys: [], tags: ['row'] }, token, writer.by)
    await cache.getOrSet('derived', () => ({ tag: 'row' }), { tags })
    expect(await cache.get('derived')).toEqual({ tag: 'row' })
  })
})
