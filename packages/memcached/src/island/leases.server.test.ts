import { type MemcachedServer, startMemcached, until } from '@holdfast/testkit'
import { systemClock } from 'holdfast/contracts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type IslandClient, type Load, openIsland } from '../testing/open-island.ts'
import { islandRules } from './island-rules.ts'
import { Names } from './names.ts'

// As core does.
const RENEW_EVERY_MS = 300
const LEASE_MS = 1000
// Of a timer and a trip on a machine that is busy.
const SLACK_MS = 700

describe('a server that is restarted on its port within one lease', () => {
  // The server counts, from the beginning: the new lease looks like the old one.
  const counting = { ...islandRules, choosesCas: () => false }
  const everyLeaseHolds = { ...counting, mayFill: () => true }

  test.each([
    ['stores no load of before', counting, { stored: false, text: undefined }],
    ['would store it without rule C', everyLeaseHolds, { stored: true, text: 'of before' }],
  ])('%s', async (_, rules, expected) => {
    await using server = await startMemcached()
    await using loading = await openIsland(server, { rules })
    const load = await loading.win('k')
    const before = await casOf(server, 'k')
    await server.restart()
    await until('the server is used again', () => loading.store.online)
    await loading.connected()
    await using other = await openIsland(server, { rules })
    await other.win('k')
    expect(await casOf(server, 'k')).toBe(before)
    expect(await loading.fill(load, 'of before')).toBe(expected.stored)
    expect(await other.readText('k')).toBe(expected.text)
  })
})

describe('a lease', () => {
  let server: MemcachedServer
  let [one, other]: IslandClient[] = []
  beforeAll(async () => {
    server = await startMemcached()
    one = await openIsland(server)
    other = await openIsland(server)
  })
  afterAll(async () => {
    await one?.store.close()
    await other?.store.close()
    await server.stop()
  })
  const clients = (): [IslandClient, IslandClient] => {
    if (one === undefined || other === undefined) throw new Error('not open')
    return [one, other]
  }

  test.concurrent('on nothing never ends early, and ends by itself at most a second late', async () => {
    const [winner, waiter] = clients()
    const askedAt = systemClock.now()
    await winner.win('stub')
    const wonAt = systemClock.now()
    await until('the lease has ended', async () => (await waiter.acquire('stub')).state === 'won')
    const now = systemClock.now()
    expect(now - wonAt).toBeGreaterThanOrEqual(LEASE_MS - 2)
    expect(now - askedAt).toBeLessThan(LEASE_MS + 1000 + SLACK_MS)
  })

  test.concurrent('on a value is offered again when its winner is dead, and not before', async () => {
    const [winner, waiter] = clients()
    for (const key of ['dead', 'alive']) await winner.put(key, 'stale')
    const seen = new Map<string, string | undefined>()
    for (const key of ['dead', 'alive']) seen.set(key, (await winner.read(key))?.seen)
    const dead = await winner.win('dead', seen.get('dead'))
    const alive = await winner.win('alive', seen.get('alive'))
    const wonAt = systemClock.now()
    const renewals = setInterval(() => void renew(winner, alive), RENEW_EVERY_MS)
    try {
      // Their waiter has seen the same value.
      const asked = async (key: string) => (await waiter.acquire(key, seen.get(key)?.slice(0, 8))).state
      await until('the dead one is replaced', async () => {
        expect(await asked('alive')).toBe('busy')
        return (await asked('dead')) === 'won'
      })
      expect(systemClock.now() - wonAt).toBeGreaterThan(LEASE_MS)
      expect(systemClock.now() - wonAt).toBeLessThan(2 * LEASE_MS + SLACK_MS)
      // Long enough for one that does not sign to be replaced.
      while (systemClock.now() - wonAt < 4 * LEASE_MS) expect(await asked('alive')).toBe('busy')
      expect(await winner.fill(dead, 'late')).toBe(false)
      expect(await winner.fill(alive, 'new')).toBe(true)
      expect(await waiter.readText('alive')).toBe('new')
    } finally {
      clearInterval(renewals)
    }
  })

  test('that is renewed late touches nothing that has taken its place', async () => {
    const [winner, other] = clients()
    const load = await winner.win('replaced')
    await other.names.invalidate(['replaced'], other.by)
    await other.put('replaced', 'new')
    expect(await renew(winner, load)).toBe(false)
    const ttl = await server.cli(`mg ${valueKey('replaced')} t`)
    expect(Number(/t(\d+)/.exec(ttl)?.[1])).toBeGreaterThan(50)
  })

  test('that a read has won is claimed without a trip, and given back where nobody claims it', async () => {
    const [reader, other] = clients()
    await reader.read('claimed', 'load')
    expect((await other.acquire('claimed')).state).toBe('busy')
    const load = await reader.win('claimed')
    expect(await reader.fill(load, 'v')).toBe(true)
    await reader.read('unclaimed', 'load')
    expect((await other.acquire('unclaimed')).state).toBe('busy')
    const askedAt = systemClock.now()
    await until('it is given back', async () => (await other.acquire('unclaimed')).state === 'won')
    // Its stub would end by itself after a second at the earliest.
    expect(systemClock.now() - askedAt).toBeLessThan(LEASE_MS - 200)
  })

  test('is never taken by whoever only looks', async () => {
    const [reader, other] = clients()
    await reader.read('looked at')
    await other.win('looked at')
    await reader.put('offered', 'stale')
    const seen = (await reader.read('offered'))?.seen
    const load = await reader.win('offered', seen)
    // Given back: nothing is on offer, which the next one who looks would win, whoever that is.
    await reader.names.release('offered', load.token, reader.by)
    expect(await reader.readText('offered')).toBe('stale')
    const lookedAt = systemClock.now()
    await until('it is won by one who asks', async () => {
      return (await other.acquire('offered', seen?.slice(0, 8))).state === 'won'
    })
    // A winner that does not sign would be taken for dead after two seconds.
    expect(systemClock.now() - lookedAt).toBeLessThan(LEASE_MS)
  })

  test('that was offered, and won by those who only look, is had by who asks for it', async () => {
    const [peeking, other] = clients()
    await other.put('peeked at', 'stale')
    const seen = (await other.read('peeked at'))?.seen
    let isOver = false
    const peeks = Array.from({ length: 8 }, async () => {
      while (!isOver) await peeking.read('peeked at')
    })
    const holders = new Set<string | undefined>()
    for (let i = 0; i < 20; i++) {
      const token = systemClock.token()
      await until('it is won', async () => {
        const acquired = await other.acquire('peeked at', seen?.slice(0, 8), [], token)
        if (acquired.state === 'busy') holders.add(acquired.holder)
        return acquired.state === 'won'
      })
      await other.names.release('peeked at', token, other.by)
    }
    isOver = true
    await Promise.all(peeks)
    // Whoever is in the way counts as one: he loads nothing.
    expect(holders.size).toBeLessThanOrEqual(1)
  })

  test('is not stolen by one who has seen its value while it was held', async () => {
    const [winner, other] = clients()
    await winner.put('held', 'stale')
    const load = await winner.win('held', (await winner.read('held'))?.seen)
    const seen = (await other.read('held'))?.seen
    expect((await other.acquire('held', seen)).state).toBe('busy')
    expect(await winner.fill(load, 'new')).toBe(true)
  })
})

function renew(client: IslandClient, load: Load): Promise<boolean> {
  return client.names.renew(load.key, load.token, LEASE_MS, client.by)
}

function valueKey(key: string): string {
  return new Names('shop').of('v', key).text
}

async function casOf(server: MemcachedServer, key: string): Promise<string> {
  return await server.cli(`mg ${valueKey(key)} c`)
}
