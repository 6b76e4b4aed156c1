/** Two lists at the same moment, of which one process knows servers that the other does not know or does not reach. */
import { until } from '@holdfast/testkit'
import { systemClock } from 'holdfast/contracts'
import { describe, expect, test } from 'vitest'
import { createPlacement } from './create-placement.ts'
import { elastiCache } from './elasticache.ts'
import { staticList } from './list-source.ts'
import type { PoolRules } from './pool-rules.ts'
import { type ConfigEndpoint, startConfigEndpoint } from './testing/config-endpoint.ts'
import { Fleet, type FleetNode } from './testing/fleet.ts'

// Between two looks at a record: sooner than in earnest, so that nobody waits for long.
const OFTEN = { looksEveryMs: 200 } as const
const NEVER_MS = 3_600_000

function sourceOf({ port }: ConfigEndpoint, pollMs: number) {
  return elastiCache({ transport: 'tcp', host: '127.0.0.1', port }, { clock: systemClock, pollMs })
}

/** A key that is kept by these servers, by their index: in the first list, and in the second. */
function keyKeptBy(fleet: Fleet, first: readonly number[], second: readonly number[], at: [number, number]) {
  const placed = [first, second].map((indexes) => {
    const listed = indexes.flatMap((index) => fleet.listed[index] ?? [])
    const placement = createPlacement('ketama', listed)
    return (key: string) => indexes[placement.serverOf(key)]
  })
  for (let i = 0; ; i++) if (placed.every((of, list) => of(`k${i}`) === at[list])) return `k${i}`
}

function cut({ ways }: FleetNode, server: number): void {
  ways[server]?.inject({ refuse: true })
  ways[server]?.cut()
}

describe('what a process of the list before deletes is not acknowledged while another reads it', () => {
  test('on a server that the later list does not have', async () => {
    const play = async (rules: Partial<PoolRules>) => {
      await using fleet = await Fleet.start(3)
      const [before, after] = [fleet.listed.slice(0, 2), fleet.listed.slice(1)]
      const key = keyKeptBy(fleet, [0, 1], [1, 2], [0, 2])
      // Where the later ring does not wait, the earlier process has not looked yet.
      const looksEveryMs = rules.waits === false ? NEVER_MS : OFTEN.looksEveryMs
      const earlier = await fleet.node({ source: staticList(before), rules: { looksEveryMs } })
      const later = await fleet.node({ source: staticList(after), rules: { ...OFTEN, ...rules } })
      await later.cache.getOrSet(key, () => 'old')
      const { l2 } = await earlier.cache.delete(key)
      return { l2, read: await later.cache.get(key) }
    }
    expect(await play({})).toEqual({ l2: 'queued', read: 'old' })
    expect(await play({ waits: false })).toEqual({ l2: 'applied', read: 'old' })
  })

  test('on a server that whoever comes with the later list does not reach just now', async () => {
    const play = async (rules: Partial<PoolRules>) => {
      await using fleet = await Fleet.start(3)
      await using endpoint = await startConfigEndpoint()
      endpoint.tell(1, fleet.servers.slice(0, 2))
      const key = keyKeptBy(fleet, [0, 1], [0, 1, 2], [0, 2])
      const looksEveryMs = rules.waits === false ? NEVER_MS : OFTEN.looksEveryMs
      const earlier = await fleet.node({ source: sourceOf(endpoint, NEVER_MS), rules: { looksEveryMs } })
      const later = await fleet.node({ source: sourceOf(endpoint, 20), rules: { ...OFTEN, ...rules } })
      cut(later, 0)
      endpoint.tell(2, fleet.servers)
      await until('the later list is used', async () => {
        const states = (await later.cache.inspect().catch(() => undefined))?.servers?.map(
          ({ state }) => state,
        )
        return states?.join() === 'away,used,used'
      })
      await later.cache.getOrSet(key, () => 'old')
      const { l2 } = await earlier.cache.delete(key)
      const read = await later.cache.get(key)
      later.ways[0]?.heal()
      return { l2, read }
    }
    const held = await play({})
    // It may have come to use the later list itself by then.
    expect([
      { l2: 'queued', read: 'old' },
      { l2: 'applied', read: undefined },
    ]).toContainEqual(held)
    expect(await play({ waits: false })).toEqual({ l2: 'applied', read: 'old' })
  })
})

test('what a process said while it was cut off from all that know of the later list, it tells that one again', async () => {
  const play = async (rules: Partial<PoolRules>) => {
    await using fleet = await Fleet.start(3)
    await using endpoint = await startConfigEndpoint()
    endpoint.tell(1, fleet.servers.slice(0, 2))
    const key = keyKeptBy(fleet, [0, 1], [1, 2], [0, 2])
    const cutOff = await fleet.node({ source: sourceOf(endpoint, NEVER_MS), rules: { ...OFTEN, ...rules } })
    cut(cutOff, 1)
    endpoint.tell(2, fleet.servers.slice(1))
    const { cache } = await fleet.node({ source: sourceOf(endpoint, NEVER_MS), rules: OFTEN })
    await cache.set(key, 'old')
    // What no gate can help: the two do not reach any server in common.
    expect(await cutOff.cache.delete(key)).toEqual({ l2: 'applied' })
    expect(await cache.get(key)).toBe('old')
    cutOff.ways[1]?.heal()
    await until('it uses the later list', async () => {
      const { servers = [] } = (await cutOff.cache.inspect().catch(() => undefined)) ?? {}
      const isLater = servers[1]?.address.endsWith(`${fleet.servers[2]?.port}`) === true
      const { queuedInvalidations } = cutOff.cache.stats().l2
      return isLater && servers.every(({ state }) => state === 'used') && queuedInvalidations === 0
    })
    return await cache.get(key)
  }
  expect(await play({})).toBeUndefined()
  expect(await play({ retells: false })).toBe('old')
})

test('a list that comes back finds nothing of what it had before, on servers that the other did not have either', async () => {
  await using fleet = await Fleet.start(3)
  const [before, after] = [fleet.listed.slice(0, 2), fleet.listed.slice(1)]
  const key = keyKeptBy(fleet, [0, 1], [1, 2], [0, 2])
  const first = await fleet.node({ source: staticList(after), rules: OFTEN })
  await first.cache.set(key, 'old')
  const rolledBack = await fleet.node({ source: staticList(before), rules: OFTEN })
  expect(await rolledBack.cache.delete(key)).toEqual({ l2: 'applied' })
  const again = await fleet.node({ source: staticList(after), rules: OFTEN })
  expect(await again.cache.get(key)).toBeUndefined()
})

test.each([1, 2])(
  'a process whose list (of %d) is not in use is told of once, and no breaker learns of it',
  async (count) => {
    await using fleet = await Fleet.start(3)
    const { cache, warnings } = await fleet.node({ source: staticList(fleet.listed.slice(0, count)) })
    await fleet.node()
    for (let i = 0; i < 30; i++) {
      expect(await cache.delete(`k${i}`)).toEqual({ l2: 'queued' })
      expect(await cache.getOrSet(`k${i}`, () => i)).toBe(i)
    }
    await until('it is told', () => warnings.length > 0)
    expect(cache.stats().l2).toMatchObject({ online: false, breaker: 'closed' })
    expect(warnings.filter((line) => !line.includes('another list of servers'))).toEqual([])
    expect(warnings.length).toBe(1)
  },
)
