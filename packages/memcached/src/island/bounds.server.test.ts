/** What is kept of loads, writes and namespaces does not outlive them, however they end. */
import { startMemcached, until } from '@holdfast/testkit'
import { systemClock } from 'holdfast/contracts'
import { expect, test } from 'vitest'
import { heldWrites } from '../testing/held-writes.ts'
import { DEAF, type IslandClient, openIsland } from '../testing/open-island.ts'
import { HeldLeases } from './held-leases.ts'
import { islandRules } from './island-rules.ts'
import { Leases } from './leases.ts'
import { Names } from './names.ts'
import { OwedLeases } from './owed-leases.ts'
import type { Place } from './place.ts'
import { Quarantines } from './quarantines.ts'

const LEASE_MS = 1000
const LIFE_MS = 200
// A caller that gives up on a server that stands still.
const PATIENCE_MS = 50

test('a load whose lease cannot be given back is over all the same', async () => {
  await using server = await startMemcached()
  await using island = await openIsland(server)
  const place = placeOf(island)
  const quarantines = new Quarantines(place)
  const held = new HeldLeases(systemClock, () => undefined)
  const leases = new Leases(place, quarantines, held)
  const token = systemClock.token()
  const request = { key: 'k', token, leaseMs: LEASE_MS, seen: undefined, tags: [], tagLifeMs: 60_000 }
  expect((await leases.acquire(request, island.by)).state).toBe('won')
  expect(leases.underWay).toBe(1)
  await server.pause()
  const soon = systemClock.now() + PATIENCE_MS
  const answers = [leases.renew('k', token, LEASE_MS, soon), leases.release('k', token, soon)]
  expect((await Promise.allSettled(answers)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  server.resume()
  expect(leases.underWay).toBe(0)
})

test('a lease that is voided while it is renewed is given back, and is not told to be held', async () => {
  await using server = await startMemcached()
  const way = heldWrites()
  await using island = await openIsland(server, { connect: way.connect })
  await using other = await openIsland(server)
  const place = placeOf(island)
  const leases = new Leases(place, new Quarantines(place), new HeldLeases(systemClock, () => undefined))
  const token = systemClock.token()
  const request = { key: 'k', token, leaseMs: LEASE_MS, seen: undefined, tags: [], tagLifeMs: 60_000 }
  expect((await leases.acquire(request, island.by)).state).toBe('won')
  const renewing = way.hold('ms v')
  const renewal = leases.renew('k', token, LEASE_MS, island.by)
  await renewing
  leases.voidAll('k')
  way.release()
  expect(await renewal).toBe(false)
  const askedAt = systemClock.now()
  await until('it is won by another', async () => (await other.acquire('k')).state === 'won')
  // It would end by itself after a second at the earliest.
  expect(systemClock.now() - askedAt).toBeLessThan(LEASE_MS - 300)
})

test('a namespace that is closed twice leaves the one that was opened in between open', async () => {
  await using server = await startMemcached()
  await using island = await openIsland(server)
  const once = island.store.namespace('twice', DEAF)
  once.close()
  island.store.namespace('twice', DEAF)
  once.close()
  expect(() => island.store.namespace('twice', DEAF)).toThrow('open already')
})

test.each([
  ['lifts it in vain', async (lift: (by: number) => Promise<void>) => lift(0).catch(() => undefined)],
  ['does not lift it', async () => undefined],
])('a quarantine is forgotten when it has ended and its writer %s', async (_, end) => {
  await using server = await startMemcached()
  await using island = await openIsland(server)
  const quarantines = new Quarantines(placeOf(island))
  const names = { keys: ['k'], tags: ['t'] }
  const token = systemClock.token()
  await quarantines.set(names, token, LIFE_MS, [], island.by)
  expect(quarantines.remembered).toBe(2)
  await end((by) => quarantines.lift(names, token, by))
  await until('it is forgotten with the next one', async () => {
    await quarantines.set({ keys: ['next'], tags: [] }, token, LIFE_MS, [], island.by)
    return quarantines.remembered === 1
  })
})

test('quarantines of a connection that is lost are forgotten', async () => {
  await using server = await startMemcached()
  await using island = await openIsland(server)
  const quarantines = new Quarantines(placeOf(island))
  await quarantines.set({ keys: ['k'], tags: [] }, systemClock.token(), LIFE_MS, [], island.by)
  quarantines.forget()
  expect(quarantines.remembered).toBe(0)
})

function placeOf({ store: { client } }: IslandClient): Place {
  const tellFull = (): void => undefined
  const timeoutMs = 250
  return {
    client,
    clock: systemClock,
    names: new Names('shop'),
    owedLeases: new OwedLeases(systemClock),
    rules: islandRules,
    tellFull,
    timeoutMs,
  }
}
