/** Leases that a server grants to callers who have given up: it stood still, and executes what was sent to it meanwhile. */
import { type MemcachedServer, startMemcached, until } from '@holdfast/testkit'
import { AwaitedRead, systemClock } from 'holdfast/contracts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type IslandClient, openIsland } from '../testing/open-island.ts'

const LEASE_MS = 1000
const PATIENCE_MS = 50
// Well below what a lease lasts at least, and well above a trip on a busy machine.
const WAIT_MS_MAX = 700

let server: MemcachedServer
let [late, other]: IslandClient[] = []
beforeAll(async () => {
  server = await startMemcached()
  late = await openIsland(server)
  other = await openIsland(server)
})
afterAll(async () => {
  await late?.store.close()
  await other?.store.close()
  await server.stop()
})

type Ask = (client: IslandClient, key: string, seen: string | undefined, by: number) => Promise<unknown>
const read: Ask = async ({ names }, key, _, by) => {
  const reading = new AwaitedRead(key, { intent: 'load' })
  names.read(reading, by)
  return await reading.reply
}
const acquire: Ask = ({ names }, key, seen, by) => {
  const request = { key, token: systemClock.token(), leaseMs: LEASE_MS, seen, tags: [], tagLifeMs: 60_000 }
  return names.acquire(request, by)
}
const put: Ask = (client, key, _, by) => client.put(key, 'v', by)

test.each<[what: string, ask: Ask, isOnValue: boolean]>([
  ['a read that would load', read, false],
  ['an acquire on nothing', acquire, false],
  ['an acquire on a value', acquire, true],
  ['a put', put, false],
])('what is granted to %s that has timed out is in nobody’s way', async (what, ask, isOnValue) => {
  if (late === undefined || other === undefined) throw new Error('not open')
  const asking = other
  if (isOnValue) await asking.put(what, 'stale')
  const seen = isOnValue ? (await late.read(what))?.seen : undefined
  await server.pause()
  const asked = ask(late, what, seen, systemClock.now() + PATIENCE_MS)
  await expect(asked).rejects.toMatchObject({ code: 'l2_timeout' })
  server.resume()
  // Behind it on the wire.
  await late.store.barrier(late.by)
  const askedAt = systemClock.now()
  await until('it is won', async () => (await asking.acquire(what, seen?.slice(0, 8))).state === 'won')
  expect(systemClock.now() - askedAt).toBeLessThan(WAIT_MS_MAX)
})
