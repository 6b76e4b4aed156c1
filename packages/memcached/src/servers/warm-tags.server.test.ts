/** What L1 keeps everyone from reading is evicted first, unless it is read for that. */
import { until } from '@holdfast/testkit'
import { inProcessBus } from 'holdfast'
import { expect, test } from 'vitest'
import { Fleet } from './testing/fleet.ts'

// More than are kept warm with one heartbeat.
const TAGS = 100

test('tokens of tags that L1 holds are read with the heartbeats, on every server that has them', async () => {
  await using fleet = await Fleet.start(2)
  const l1 = { mode: 'bus', bus: inProcessBus(), maxStale: '150ms' } as const
  const { cache } = await fleet.node({ cache: { l1 } })
  const tags = Array.from({ length: TAGS }, (_, i) => `t${i}`)
  for (const [i, server] of fleet.servers.entries()) {
    const [key = ''] = fleet.keysOf(i, 1)
    // Two entries: one has 64 tags at most.
    for (const some of [tags.slice(0, TAGS / 2), tags.slice(TAGS / 2)]) {
      await cache.set(`${key}`, 'v', { tags: some })
      await cache.get(key)
    }
    for (const tag of tags) {
      const item = fleet.storedAs(tag, 't')
      const [, token = ''] = (await server.cli(`mg ${item} v`)).split('\r\n')
      // Written anew, it has not been read.
      await server.cli(`ms ${item} ${token.length} T0\r\n${token}`)
    }
  }
  await until('all of them are read', async () => {
    const seen = await Promise.all(
      fleet.servers.flatMap((server) => tags.map((tag) => server.cli(`me ${fleet.storedAs(tag, 't')}`))),
    )
    return seen.every((line) => line.includes('fetch=yes'))
  })
  expect(cache.stats().l2.online).toBe(true)
})
