/** Two servers that take turns behind one address, neither of which was ever restarted. */
import { type MemcachedServer, startFaultProxy, startMemcached, until } from '@holdfast/testkit'
import type { Cache } from 'holdfast'
import { expect, test } from 'vitest'
import { openCache } from '../testing/open-island.ts'

test('what was invalidated on one does not come back when the address leads to the other again', async () => {
  await using one = await startMemcached()
  await using other = await startMemcached()
  await using proxy = await startFaultProxy(one)
  await using cache = await openCache(proxy)
  let database = 'old'
  const load = (): Promise<string> => cache.getOrSet('k', () => database)
  expect(await load()).toBe('old')
  await moveTo(other, proxy, cache)
  expect(await load()).toBe('old')
  database = 'new'
  expect(await cache.delete('k')).toEqual({ l2: 'applied' })
  expect(await load()).toBe('new')
  // Its mark still says that the namespace was last used here.
  await moveTo(one, proxy, cache)
  expect(await load()).toBe('new')
})

async function moveTo(
  { port }: MemcachedServer,
  proxy: { retarget(port: number): void },
  cache: Cache,
): Promise<void> {
  proxy.retarget(port)
  await until('the loss is noticed', () => !cache.stats().l2.online)
  await until('the address is used again', () => cache.stats().l2.online)
}
