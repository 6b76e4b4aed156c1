/** A namespace that is opened on a connection which others use already. */
import { startMemcached, until } from '@holdfast/testkit'
import { systemClock } from 'holdfast/contracts'
import { expect, test } from 'vitest'
import { FullMemory } from '../testing/full-memory.ts'
import { DEAF, openCache, openIsland } from '../testing/open-island.ts'

// Longer than a namespace waits to be admitted.
const PATIENCE_MS = 300

test('leaves the others’ leases alone where the server is slow to admit it', async () => {
  await using server = await startMemcached()
  await using island = await openIsland(server)
  const { generation } = island.store.client
  const load = await island.win('k')
  await server.pause()
  let isConnected = false
  island.store.namespace('late', {
    ...DEAF,
    connected: () => {
      isConnected = true
    },
  })
  await expect(island.store.barrier(systemClock.now() + PATIENCE_MS)).rejects.toMatchObject({
    code: 'l2_timeout',
  })
  server.resume()
  await until('it is admitted', () => isConnected)
  expect(island.store.client.generation).toBe(generation)
  expect(await island.fill(load, 'v')).toBe(true)
})

test('is used without a mark where there is no room for one, and takes nobody’s connection', async () => {
  await using server = await startMemcached({
    memoryMb: 2,
    whenFull: 'refuse',
    args: ['-n', '512', '-f', '4'],
  })
  await using cache = await openCache(server)
  await cache.set('k', 'v')
  await new FullMemory(server).set(true)
  const late = cache.namespace('late')
  await until('it is used', async () => (await late.delete('absent')).l2 === 'applied')
  expect(await cache.get('k')).toBe('v')
  // A process that begins now finds no mark of it either.
  await using other = await openCache(server)
  const theSame = other.namespace('late')
  await until('it is used there', async () => (await theSame.delete('absent')).l2 === 'applied')
  expect(await other.get('k')).toBe('v')
})
