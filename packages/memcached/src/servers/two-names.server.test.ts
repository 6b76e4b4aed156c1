/** Processes that know the same servers by different names: their lists differ, and only one of them is in use. */
import { type MemcachedServer, startMemcached, until } from '@holdfast/testkit'
import { type Cache, createCache } from 'holdfast'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { memcachedWith } from '../memcached-with.ts'
import type { PoolRules } from './pool-rules.ts'

let servers: readonly MemcachedServer[]
beforeAll(async () => {
  servers = await Promise.all([startMemcached(), startMemcached()])
})
afterAll(() => Promise.all(servers.map((server) => server.stop())))
beforeEach(() => Promise.all(servers.map((server) => server.cli('flush_all'))))

function open(host: string, count: number, pool: Partial<PoolRules>): Cache {
  const urls = servers.slice(0, count).map(({ port }) => `memcached://${host}:${port}`)
  const logger = { info() {}, warn() {} }
  // By the other names it is not known that all of them are sealed: the second list waits for so long, and three trips.
  const rules = { looksEveryMs: 100, ...pool }
  return createCache({ name: 'shop', l1: false, l2: memcachedWith(urls, {}, { pool: rules }), logger })
}

/** What the first process reads of keys that the second has deleted. */
async function readAfterDelete(count: number, pool: Partial<PoolRules>): Promise<unknown> {
  const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)
  await using first = open('127.0.0.1', count, pool)
  await first.setMany(keys.map((key) => [key, 'old']))
  await using second = open('localhost', count, pool)
  // Where a server is sealed by no name but its new one, it is when that is connected.
  await until('all are used', async () => {
    const facts = await second.inspect().catch(() => undefined)
    return second.stats().l2.online && (facts?.servers ?? []).every(({ state }) => state === 'used')
  })
  const { l2 } = await second.deleteMany(keys)
  const read = await first.getMany(keys)
  return { l2, old: read.filter((value) => value === 'old').length }
}

test.each([1, 2])('what one of them deletes the other does not read (servers: %i)', async (count) => {
  expect(await readAfterDelete(count, {})).toEqual({ l2: 'applied', old: 0 })
})

test('it would if the list before were not sealed', async () => {
  expect(await readAfterDelete(1, { seals: false })).toEqual({ l2: 'applied', old: 20 })
})
