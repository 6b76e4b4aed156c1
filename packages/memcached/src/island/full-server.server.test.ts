import { type MemcachedServer, startMemcached } from '@holdfast/testkit'
import type { Cache, CacheEvent } from 'holdfast'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FullMemory } from '../testing/full-memory.ts'
import { openCache } from '../testing/open-island.ts'

let server: MemcachedServer
let memory: FullMemory
let cache: Cache
const troubles: string[] = []
beforeAll(async () => {
  server = await startMemcached({ memoryMb: 2, whenFull: 'refuse', args: ['-n', '512', '-f', '4'] })
  memory = new FullMemory(server)
  const onEvent = (event: CacheEvent) => {
    if (event.type === 'trouble') troubles.push(event.what)
  }
  cache = await openCache(server, { onEvent })
})
afterAll(async () => {
  await cache.close()
  await server.stop()
})

test('in full memory values are served, reads and invalidations work, and nothing new is stored', async () => {
  await cache.set('kept', 'kept', { tags: ['t'] })
  await cache.set('deleted', 'old')
  await cache.set('tagged', 'old', { tags: ['t'] })
  await cache.set('replaced', 'old')
  await memory.set(true)
  let loads = 0
  const load = () => `loaded ${++loads}`
  expect(await cache.get('kept')).toBe('kept')
  // A load over it that fails gives its lease back, which takes no room.
  await expect(cache.refresh('kept', () => Promise.reject(new Error('away')))).rejects.toThrow('away')
  expect(await cache.get('kept')).toBe('kept')
  expect(await cache.getOrSet('new', load)).toBe('loaded 1')
  expect(await cache.get('new')).toBeUndefined()
  expect(troubles).toContain('l2.write_failed')
  expect(await cache.delete('deleted')).toEqual({ l2: 'applied' })
  expect(await cache.get('deleted')).toBeUndefined()
  expect(await cache.invalidateTag('t')).toEqual({ l2: 'applied' })
  expect(await cache.get('tagged')).toBeUndefined()
  // What was invalidated has made room.
  await memory.set(true)
  // A set that is refused leaves nothing old behind.
  expect(await cache.set('replaced', 'new')).toMatchObject({ stored: false })
  expect(await cache.get('replaced')).toBeUndefined()
  await memory.set(true)
  // Whoever writes by two phases is told before anything is written.
  let written = false
  await expect(cache.write({ keys: ['new'] }, () => (written = true))).rejects.toMatchObject({
    code: 'l2_error',
  })
  expect(written).toBe(false)
  await memory.set(false)
  expect(await cache.getOrSet('new', load)).toBe('loaded 2')
  expect(await cache.get('new')).toBe('loaded 2')
})
