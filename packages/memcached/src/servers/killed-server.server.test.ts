/** One of three servers is killed, and comes back on its port (F53). */
import { until } from '@holdfast/testkit'
import { expect, test } from 'vitest'
import { Fleet, type FleetNode } from './testing/fleet.ts'

const KEYS_PER_SERVER = 20
const DEAD = 0

/** Reads every key, loading what is missing; answers which were loaded. */
async function readAll({ cache }: FleetNode, keys: readonly string[]): Promise<string[]> {
  const loaded: string[] = []
  const load = (key: string) => () => {
    loaded.push(key)
    return `loaded ${key}`
  }
  const values = await Promise.all(keys.map((key) => cache.getOrSet(key, load(key))))
  for (const [i, value] of values.entries())
    expect([`stored ${keys[i]}`, `loaded ${keys[i]}`]).toContain(value)
  return loaded.sort()
}

async function itemsOn(fleet: Fleet, servers: readonly number[]): Promise<number> {
  const counts = servers.map(async (i) => Number((await fleet.servers[i]?.stats())?.curr_items))
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
}

test('only its keys miss, and nothing of them is stored elsewhere; it comes back into use', async () => {
  await using fleet = await Fleet.start(3)
  const [a, b] = [await fleet.node(), await fleet.node()]
  const keys = [0, 1, 2].map((server) => fleet.keysOf(server, KEYS_PER_SERVER))
  const all = keys.flat()
  const [dead = [], living = []] = [keys[DEAD], [...(keys[1] ?? []), ...(keys[2] ?? [])]]
  await a.cache.setMany(all.map((key) => [key, `stored ${key}`]))
  expect(await readAll(b, all)).toEqual([])

  await fleet.servers[DEAD]?.kill()
  for (const { cache } of [a, b])
    await until('its loss is noticed', async () => (await cache.inspect())?.servers?.[DEAD]?.state === 'away')
  const stored = await itemsOn(fleet, [1, 2])
  for (const node of [a, b]) {
    expect(await readAll(node, all)).toEqual(dead.toSorted())
    // Loaded once more by the next who asks: nothing of it is kept.
    expect(await readAll(node, dead)).toEqual(dead.toSorted())
    expect(node.cache.stats().l2).toMatchObject({ online: true, breaker: 'closed' })
  }
  expect(await itemsOn(fleet, [1, 2])).toBe(stored)
  expect(await a.cache.delete(dead[0] ?? '')).toEqual({ l2: 'queued' })
  expect(await a.cache.delete(living[0] ?? '')).toEqual({ l2: 'applied' })
  expect(await a.cache.invalidateTag('t')).toEqual({ l2: 'queued' })

  await fleet.servers[DEAD]?.restart()
  for (const { cache } of [a, b])
    await until('it is used again', async () => (await cache.inspect())?.servers?.[DEAD]?.state === 'used')
  expect(a.cache.stats().l2.queuedInvalidations).toBe(0)
  expect(await readAll(a, dead)).toEqual(dead.toSorted())
  expect(await readAll(b, dead)).toEqual([])
  expect(await readAll(b, living.slice(1))).toEqual([])
})

test('the first calls of its keys do not wait for it: its port refuses, and they go on at once', async () => {
  await using fleet = await Fleet.start(3)
  const { cache } = await fleet.node({ cache: { l2Timeout: '1s' } })
  const [key = ''] = fleet.keysOf(DEAD, 1)
  await cache.set(key, 'stored')
  await fleet.servers[DEAD]?.kill()
  const startedAt = performance.now()
  expect(await cache.getOrSet(key, () => 'loaded')).toBe('loaded')
  // The loss is heard within a few milliseconds; the rest is a busy machine's.
  expect(performance.now() - startedAt).toBeLessThan(500)
})
