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
  // Where the server counts: what is one trip less where it need not is in explicit-cas.server.test.ts.
  cache = await openCache(server, {}, { connect: log.connect, rules: { choosesCas: () => false } })
})
afterAll(async () => {
  await cache.close()
  await server.stop()
})

/** Namespace token and epoch are there; the latter goes with every tag that is invalidated. */
async function settle(): Promise<void> {
  await cache.getOrSet(`settle ${Math.random()}`, () => 1)
}
/** A database that takes longer than a trip. */
const load = () => new Promise<number>((resolve) => setTimeout(() => resolve(1), 20))

describe('one trip is', () => {
  test('a miss by get, and a hit', async () => {
    expect(await log.during(() => cache.get('absent'))).toEqual([['mg n', 'mg v']])
    await cache.set('there', 1)
    expect(await log.during(() => cache.get('there'))).toEqual([['mg n', 'mg v']])
    expect(await log.during(() => cache.getOrSet('there', load))).toEqual([['mg n', 'mg e', 'mg v N2']])
  })

  test('a hit with tags', async () => {
    await cache.set('tagged', 1, { tags: ['a', 'b'] })
    const trips = await log.during(() => cache.getOrSet('tagged', load, { tags: ['a', 'b'] }))
    expect(trips).toEqual([['mg n', 'mg e', 'mg t', 'mg t', 'mg v N2']])
  })

  test('a hit of a value whose refresh has failed', async () => {
    await cache.set('fails', 1)
    const failing = () => Promise.reject(new Error('the database is away'))
    await expect(cache.refresh('fails', failing)).rejects.toThrow('away')
    // What was on offer would be won by whoever only looks, and then by the next one.
    for (let i = 0; i < 3; i++) {
      const trips = await log.during(() => cache.get('fails').then(() => cache.barrier()))
      expect(trips).toEqual([['mg n', 'mg v'], ['mg i']])
    }
  })

  test('what is read in one turn: it asks for each token once', async () => {
    const keys = ['x', 'y', 'z']
    await Promise.all(keys.map((key) => cache.set(key, key, { tags: ['t'] })))
    const trips = await log.during(() =>
      Promise.all(keys.map((key) => cache.getOrSet(key, load, { tags: ['t'] }))),
    )
    expect(trips).toEqual([['mg n', 'mg e', 'mg t', 'mg v N2', 'mg v N2', 'mg v N2']])
  })

  test('an invalidation of keys, and of tags', async () => {
    expect(await log.during(() => cache.delete('there'))).toEqual([['md v']])
    expect(await log.during(() => cache.deleteMany(['x', 'y']))).toEqual([['md v', 'md v']])
    expect(await log.during(() => cache.invalidateTags(['a', 'b']))).toEqual([['md e', 'md t', 'md t']])
  })
})

describe('around a load there is', () => {
  test('one trip before and one behind: the quarantine is looked at while it loads', async () => {
    await settle()
    const trips = await log.during(() => cache.getOrSet('missed', load))
    expect(trips).toEqual([['mg n', 'mg e', 'mg v N2'], ['mg q'], ['ms v C T', 'mg n', 'mg e']])
  })

  test('no more where its tags are known', async () => {
    await cache.getOrSet('knows', load, { tags: ['known'] })
    const trips = await log.during(() => cache.getOrSet('missed by tag', load, { tags: ['known'] }))
    expect(trips).toEqual([
      ['mg n', 'mg e', 'mg t', 'mg v N2'],
      ['mg q', 'mg x'],
      ['ms v C T', 'mg n', 'mg t', 'mg e', 'mg x'],
    ])
  })

  test('one trip more where a tag is new', async () => {
    await settle()
    const trips = await log.during(() => cache.getOrSet('of a new tag', load, { tags: ['new'] }))
    expect(trips).toEqual([
      ['mg n', 'mg e', 'mg t', 'mg v N2'],
      ['ms t ME T', 'mg t', 'mg q', 'mg x'],
      ['ms v C T', 'mg n', 'mg t', 'mg e', 'mg x'],
    ])
  })

  test('one trip more where a value is loaded over', async () => {
    await cache.getOrSet('refreshed', load)
    const trips = await log.during(() => cache.refresh('refreshed', load))
    expect(trips).toEqual([
      ['mg n', 'mg e', 'mg v N2'],
      ['md v I C', 'mg v N2', 'mg n', 'mg e', 'mg q'],
      ['ms v C T', 'mg n', 'mg e'],
    ])
  })

  test('one trip before and one behind, whatever the number of keys', async () => {
    const keys = ['m1', 'm2', 'm3']
    const trips = await log.during(() => cache.getOrSetMany(keys, async () => [await load(), 2, 3]))
    expect(trips.map((commands) => commands.length)).toEqual([5, 3, 9])
  })
})

describe('two trips are', () => {
  test('a set, and three where a tag is new', async () => {
    const looked = ['mg v N2', 'mg n', 'mg e', 'mg q']
    expect(await log.during(() => cache.set('set', 1))).toEqual([looked, ['ms v C T']])
    const trips = await log.during(() => cache.set('set', 1, { tags: ['of a set'] }))
    expect(trips.map(([first]) => first)).toEqual(['mg v N2', 'ms t ME T', 'ms v C T'])
  })

  test('an expire of keys, and of tags, and a clear', async () => {
    expect(await log.during(() => cache.expire('set'))).toEqual([['mg v'], ['ms v C T']])
    expect(await log.during(() => cache.expireTag('of a set'))).toEqual([['md e', 'mg t'], ['ms t C T']])
    expect(await log.during(() => cache.clear())).toEqual([['mg n'], ['md n C', 'md e']])
  })
})

test('a write by two phases costs three trips: its protection, the invalidation, its end', async () => {
  const trips = await log.during(async () => {
    await cache.write({ keys: ['written'], tags: ['w'] }, load)
    await cache.barrier()
  })
  expect(trips.slice(0, 3)).toEqual([
    ['ms q ME T', 'ms x ME T', 'md e', 'md t', 'md v'],
    ['md v', 'md e', 'md t'],
    ['md q C', 'md x C', 'mg i'],
  ])
})
