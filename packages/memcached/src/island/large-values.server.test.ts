import { type MemcachedServer, startMemcached } from '@holdfast/testkit'
import type { Cache, CacheEvent } from 'holdfast'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../servers/testing/until.ts'
import { openCache } from '../testing/open-island.ts'
import { Names } from './names.ts'

// What a server takes unless it is told otherwise.
const ITEM_BYTES_MAX = 2 ** 20

let server: MemcachedServer
let cache: Cache
let troubles: string[] = []
beforeAll(async () => {
  server = await startMemcached()
  const onEvent = (event: CacheEvent) => {
    if (event.type === 'trouble') troubles.push(event.what)
  }
  cache = await openCache(server, { maxValueBytes: '4mb', onEvent })
})
afterAll(async () => {
  await cache.close()
  await server.stop()
})

const tooLarge = 'x'.repeat(ITEM_BYTES_MAX)
const keyOf = (key: string) => new Names('shop').of('v', key).text

test('the server itself takes the old value away when it refuses a new one', async () => {
  await server.cli('ms plain 3\r\nold')
  expect(await server.cli(`ms plain ${tooLarge.length}\r\n${tooLarge}`)).toMatch(/^SERVER_ERROR/)
  expect(await server.cli('mg plain v')).toBe('EN')
})

test('a value that the server would refuse is answered, told of, and leaves the old one (B25)', async () => {
  troubles = []
  await cache.set('k', 'old', { swr: '1h' })
  await cache.expire('k')
  expect(await cache.refresh('k', () => tooLarge, { swr: '1h' })).toBe(tooLarge)
  await until('it is told', () => troubles.includes('l2.write_failed'))
  // Looked at without being read, which would take the lease that is offered.
  expect(await server.cli(`me ${keyOf('k')}`)).toMatch(/^ME /)
  expect(await cache.get('k', { swr: '1h' })).toBe('old')
  // Nobody has to wait for a load that is over.
  expect(await cache.getOrSet('k', () => 'new', { ttl: '1h' })).toBe('new')
})

test('a set of such a value says that it is not kept, and nothing old is', async () => {
  await cache.set('set', 'old')
  expect(await cache.set('set', tooLarge)).toMatchObject({ stored: false })
  expect(await cache.get('set')).toBeUndefined()
  expect(await cache.getOrSet('set', () => 'new')).toBe('new')
  expect(await cache.get('set')).toBe('new')
})

test('whatever is sent, the server takes: up to the last byte', async () => {
  troubles = []
  let stored = 0
  for (let size = ITEM_BYTES_MAX - 260; size < ITEM_BYTES_MAX; size += 13) {
    const value = 'x'.repeat(size)
    if ((await cache.set('edge', value)).stored) {
      stored++
      expect(await cache.get('edge')).toBe(value)
    }
  }
  expect(stored).toBeGreaterThan(0)
  expect(stored).toBeLessThan(20)
  // Refused here: the server never had to.
  expect(await server.stats()).toMatchObject({ store_too_large: '1' })
})
