/** What an operator hears of one of several servers: in events, in stats, and of a key of it in explain. */
import { until } from '@holdfast/testkit'
import type { CacheEvent } from 'holdfast'
import { expect, test } from 'vitest'
import { Fleet } from './testing/fleet.ts'

const LOST = 0

/** What is told of servers, by their addresses. */
function listener() {
  const told: string[] = []
  const errors: unknown[] = []
  const onEvent = (event: CacheEvent) => {
    if (event.type !== 'trouble' || event.server === undefined) return
    told.push(`${event.what} ${event.server}`)
    if (event.error !== undefined) errors.push(event.error)
  }
  return { told, errors, onEvent }
}

const addressOf = (fleet: Fleet, server: number) => `memcached://127.0.0.1:${fleet.servers[server]?.port}`

test('one that is killed is lost and back, once each; its keys are known to be on a stand-in meanwhile', async () => {
  await using fleet = await Fleet.start(3, 1)
  const { told, errors, onEvent } = listener()
  const { cache } = await fleet.node({ cache: { onEvent } })
  const [key = ''] = fleet.keysOf(LOST, 1)
  const address = addressOf(fleet, LOST)
  const standIn = `memcached://127.0.0.1:${fleet.gutter[0]?.port}`
  await cache.set(key, 'v')
  expect(told).toEqual([])
  expect(cache.stats().l2.servers).toMatchObject({ used: 4, away: 0 })
  expect((await cache.explain(key)).l2).toMatchObject({ present: true, server: address, verdict: 'fresh' })

  await fleet.servers[LOST]?.kill()
  await until('its loss is told', () => told.length > 0)
  expect(told).toEqual([`l2.lost ${address}`])
  expect(errors).toEqual([
    expect.objectContaining({ code: 'l2_unavailable', message: expect.stringContaining(address) }),
  ])
  expect(Reflect.get(Object(errors[0]), 'cause')).toBeInstanceOf(Error)
  expect(cache.stats().l2).toMatchObject({ online: true, breaker: 'closed', servers: { used: 3, away: 1 } })
  expect((await cache.explain(key)).l2).toEqual({
    ...{ present: false, server: standIn, standsInFor: address },
    verdict: `absent, on a stand-in for ${address}, which is not used`,
  })
  await cache.delete(key)
  await fleet.gutter[0]?.kill()
  await until('all of it is told', () => told.length > 1)
  expect((await cache.explain(key)).l2).toEqual({
    ...{ present: false, server: address },
    verdict: 'not used: it is away, and 1 invalidation is owed to it',
  })

  await fleet.servers[LOST]?.restart()
  await until('it is used again', () => cache.stats().l2.servers.used === 3)
  expect(told).toEqual([`l2.lost ${address}`, `l2.lost ${standIn}`, `l2.back ${address}`])
})

test('one that is silent is lost when it is not waited for any more', async () => {
  await using fleet = await Fleet.start(2)
  const { told, onEvent } = listener()
  const { cache } = await fleet.node({ cache: { onEvent, l2Timeout: 50 } })
  const keys = fleet.keysOf(LOST, 10)
  // Where the machine is busy they are not all reached within so short a time.
  told.length = 0
  fleet.servers[LOST]?.pause()
  await until('it is not waited for', async () => {
    await cache.getMany(keys)
    return told.length > 0
  })
  fleet.servers[LOST]?.resume()
  await until('it is used again', () => told.length > 1)
  expect(told).toEqual([`l2.lost ${addressOf(fleet, LOST)}`, `l2.back ${addressOf(fleet, LOST)}`])
})

test('all of them are lost by name, and as a whole', async () => {
  await using fleet = await Fleet.start(2)
  const { told, onEvent } = listener()
  const { cache } = await fleet.node({ cache: { onEvent } })
  const addresses = [0, 1].map((server) => addressOf(fleet, server))
  for (const server of fleet.servers) await server.kill()
  await until('all is told', () => told.length === 3)
  expect(told.toSorted()).toEqual(
    [...addresses, addresses.join().replaceAll('memcached://', '')].map((one) => `l2.lost ${one}`).toSorted(),
  )
  expect(cache.stats().l2).toMatchObject({ online: false, servers: { used: 0, away: 2 } })
})
