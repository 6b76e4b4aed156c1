/** Two processes, one of which does not reach a key's own server, and a gutter that both reach. */
import { until } from '@holdfast/testkit'
import { expect, test } from 'vitest'
import type { PoolRules } from './pool-rules.ts'
import { Fleet, type FleetNode } from './testing/fleet.ts'

async function blind({ cache, ways }: FleetNode): Promise<void> {
  for (const way of ways.slice(0, 3)) {
    way.inject({ refuse: true })
    way.cut()
  }
  await until('no server is reached', async () => {
    const states = (await cache.inspect())?.servers?.map(({ state }) => state)
    return states?.join() === 'away,away,away,used'
  })
}

async function play(change: (node: FleetNode) => Promise<{ l2: string }>, rules: Partial<PoolRules>) {
  await using fleet = await Fleet.start(3, 1)
  const [unseeing, alsoUnseeing, sighted] = [
    await fleet.node(),
    await fleet.node(),
    await fleet.node({ rules }),
  ]
  for (const node of [unseeing, alsoUnseeing]) await blind(node)
  await unseeing.cache.getOrSet('k', () => 'old', { tags: ['t'] })
  const shared = await alsoUnseeing.cache.get('k')
  const life = await fleet.gutter[0]?.cli(`mg ${fleet.storedAs('k')} t`)
  const { l2 } = await change(sighted)
  const after = await alsoUnseeing.cache.getOrSet('k', () => 'new', { tags: ['t'] })
  return { shared, seconds: Number(/^HD t(\d+)$/.exec(life ?? '')?.[1]), l2, after }
}

const changes = {
  delete: ({ cache }: FleetNode) => cache.delete('k'),
  set: ({ cache }: FleetNode) => cache.set('k', 'newer'),
  invalidateTag: ({ cache }: FleetNode) => cache.invalidateTag('t'),
  clear: ({ cache }: FleetNode) => cache.clear(),
}

test.each(Object.entries(changes))(
  'a load lives in the gutter for ten seconds at most, and ends with the %s of one who does not use it',
  async (_, change) => {
    const played = await play(change, {})
    expect(played).toMatchObject({ shared: 'old', l2: 'applied', after: 'new' })
    expect(played.seconds).toBeGreaterThan(5)
    expect(played.seconds).toBeLessThanOrEqual(10)
  },
)

test('it would not if the gutter were not told', async () => {
  expect(await play(changes.delete, { tellsGutter: false })).toMatchObject({ l2: 'applied', after: 'old' })
})
