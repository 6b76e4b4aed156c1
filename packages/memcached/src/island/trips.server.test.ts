import { type MemcachedServer, startMemcached } from '@holdfast/testkit'
import type { Cache } from 'holdfast'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openCache } from '../testing/open-island.ts'
import { TripLog } from '../testing/trip-log.ts'

let server: MemcachedServer
let cache: Cache
const log = new TripLog()
beforeAll(async () => {
  server = await startMemcached()
  cache = await openCache(server, {}, { connect: log.connect })
  // Namespace token and epoch are minted by the first load of all.
  await cache.getOrSet('first', () => 1)
})
afterAll(async () => {
  await cache.close()
  await server.stop()
})

describe('one trip is', () => {
  test('a miss by get, and a hit', async () => {
    expect(await log.during(() => cache.get('absent'))).toEqual([['mg n', 'mg v']])
    await cache.set('there', 1)
    expect(await log.during(() => cache.get('there'))).toEqual([['mg n', 'mg v']])
    expect(await log.during(() => cache.getOrSet('there', () => 2))).toEqual([['mg n', 'mg e', 'mg v N2']])
  })

  test('a hit with tags', async () => {
    await cache.set('tagged', 1, { tags: ['a', 'b'] })
    const trips = await log.during(() => cache.getOrSet('tagged', () => 2, { tags: ['a', 'b'] }))
    expect(trips).toEqual([['mg n', 'mg e', 'mg t', 'mg t', 'mg v N2']])
  })

  test('what is read in one turn: it asks for each token once', async () => {
    const keys = ['x', 'y', 'z']
    await Promise.all(keys.map((key) => cache.set(key, key, { tags: ['t'] })))
    const trips = await log.during(() =>
      Promise.all(keys.map((key) => cache.getOrSet(key, () => 0, { tags: ['t'] }))),
    )
    expect(trips).toEqual([['mg n', 'mg e', 'mg t', 'mg v N2', 'mg v N2', 'mg v N2']])
  })

  test('an invalidation of keys, of tags, and both', async () => {
    expect(await log.during(() => cache.delete('there'))).toEqual([['md v']])
    expect(await log.during(() => cache.deleteMany(['x', 'y']))).toEqual([['md v', 'md v']])
    expect(await log.during(() => cache.invalidateTags(['a', 'b']))).toEqual([['md e', 'md t', 'md t']])
  })
})

describe('two trips are', () => {
  test('a miss and its fill; the quarantine is looked at while it loads', async () => {
    // The epoch went with the tags above.
    await cache.getOrSet('again', () => 1)
    const trips = await log.during(() => cache.getOrSet('missed', () => 1))
    expect(trips).toEqual([['mg n', 'mg e', 'mg v N2'], ['mg q'], ['ms v C T', 'mg n', 'mg e']])
  })
})
