/** B25 on a pool: a value within maxValueBytes that is larger than an item of the server that keeps its key. */
import { until } from '@holdfast/testkit'
import type { CacheEvent } from 'holdfast'
import { expect, test } from 'vitest'
import { Fleet } from './testing/fleet.ts'

const tooLarge = 'x'.repeat(2 ** 20)

test.each([
  ['without L1', false],
  ['with L1', { mode: 'none' }],
] as const)('%s it is answered and told of, refused by set, and nothing old is left of it', async (_, l1) => {
  await using fleet = await Fleet.start(2)
  const troubles: string[] = []
  const onEvent = (event: CacheEvent) => {
    if (event.type === 'trouble') troubles.push(`${event.what} ${event.key}`)
  }
  const node = await fleet.node({ cache: { maxValueBytes: '4mb', l1, onEvent, l2Timeout: '10s' } })
  const other = await fleet.node()
  const [at0 = '', loadedAt0 = ''] = fleet.keysOf(0, 2)
  const [at1 = '', loadedAt1 = ''] = fleet.keysOf(1, 2)
  for (const key of [loadedAt0, loadedAt1]) {
    expect((await node.cache.getOrSet(key, () => tooLarge)) === tooLarge).toBe(true)
    // Nobody waits for a load that is over.
    expect(await other.cache.getOrSet(key, () => 'small', { hardTimeout: '1s' })).toBe('small')
  }
  expect(troubles).toEqual([`value_too_large ${loadedAt0}`, `value_too_large ${loadedAt1}`])
  expect(node.warnings).toHaveLength(1)
  await node.cache.setMany([at0, at1].map((key) => [key, 'old']))
  await expect(node.cache.set(at0, tooLarge)).rejects.toMatchObject({ code: 'value_too_large', key: at0 })
  const many = [[at1, tooLarge] as const, ['small', 'new'] as const]
  await expect(node.cache.setMany(many)).rejects.toMatchObject({ code: 'value_too_large', key: at1 })
  await until('the rest is stored', async () => (await other.cache.get('small')) === 'new')
  for (const { cache } of [node, other])
    expect(await cache.getMany([at0, at1])).toEqual([undefined, undefined])
  const { queuedInvalidations, breaker } = node.cache.stats().l2
  expect([queuedInvalidations, breaker]).toEqual([0, 'closed'])
  const states = (await node.cache.inspect())?.servers?.map(({ state, owed }) => [state, owed])
  expect(states).toEqual([
    ['used', 0],
    ['used', 0],
  ])
})

test('what a server that dies meanwhile was not told of is owed to it, and nobody finds the old value', async () => {
  await using fleet = await Fleet.start(2)
  const node = await fleet.node({ cache: { maxValueBytes: '4mb', l2Timeout: '150ms' } })
  const other = await fleet.node()
  const [key = ''] = fleet.keysOf(0, 1)
  await node.cache.set(key, 'old')
  node.ways[0]?.inject({ blackhole: true })
  expect(await node.cache.set(key, tooLarge)).toEqual({ l2: 'queued', stored: false })
  node.ways[0]?.heal()
  node.ways[0]?.cut()
  await until('it has been told', () => node.cache.stats().l2.queuedInvalidations === 0)
  expect(await other.cache.get(key)).toBeUndefined()
})
