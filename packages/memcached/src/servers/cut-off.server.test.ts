/** A server lives, and one process does not reach it, or gets no answer from it. */
import { until } from '@holdfast/testkit'
import { describe, expect, test } from 'vitest'
import type { PoolRules } from './pool-rules.ts'
import { Fleet, type FleetNode } from './testing/fleet.ts'

const CUT = 1

async function stateOf({ cache }: FleetNode): Promise<string | undefined> {
  return (await cache.inspect())?.servers?.[CUT]?.state
}

async function cutOff(node: FleetNode): Promise<void> {
  node.ways[CUT]?.inject({ refuse: true })
  node.ways[CUT]?.cut()
  await until('its loss is noticed', async () => (await stateOf(node)) === 'away')
}

async function heal(node: FleetNode): Promise<void> {
  node.ways[CUT]?.heal()
  await until('it is used again', async () => (await stateOf(node)) === 'used')
}

describe('what a process could not tell a server', () => {
  const changes = {
    delete: (node: FleetNode, key: string) => node.cache.delete(key),
    invalidateTag: (node: FleetNode) => node.cache.invalidateTag('t'),
    clear: (node: FleetNode) => node.cache.clear(),
    set: (node: FleetNode, key: string) => node.cache.set(key, 'new'),
  }

  const play = async (name: keyof typeof changes, rules: Partial<PoolRules>) => {
    await using fleet = await Fleet.start(3)
    const [cut, sighted] = [await fleet.node({ rules }), await fleet.node()]
    const [key = ''] = fleet.keysOf(CUT, 1)
    await sighted.cache.set(key, 'old', { tags: ['t'] })
    await cutOff(cut)
    const { l2 } = await changes[name](cut, key)
    const meanwhile = await cut.cache.get(key)
    // Nothing is acknowledged: who reaches the server may go on with what it has.
    const elsewhere = await sighted.cache.get(key)
    await heal(cut)
    return {
      l2,
      meanwhile,
      elsewhere,
      after: await cut.cache.get(key),
      afterElsewhere: await sighted.cache.get(key),
    }
  }

  const held = {
    l2: 'queued',
    meanwhile: undefined,
    elsewhere: 'old',
    after: undefined,
    afterElsewhere: undefined,
  }
  test.each(['delete', 'invalidateTag', 'clear', 'set'] as const)(
    'is queued, and holds for all before it uses that server again: %s',
    async (name) => {
      expect(await play(name, {})).toEqual(held)
    },
  )

  test('would come back if it were forgotten', async () => {
    const forgotten = await play('delete', { remembers: false })
    expect(forgotten).toEqual({ ...held, after: 'old', afterElsewhere: 'old' })
  })

  test('is a clear of its namespace on that server alone, once there is too much of it', async () => {
    const leftAfter = async (deleted: number) => {
      await using fleet = await Fleet.start(3)
      const [cut, sighted] = [await fleet.node({ rules: { owedNamesMax: 3 } }), await fleet.node()]
      const [there, elsewhere] = [fleet.keysOf(CUT, 8), fleet.keysOf(0, 8)]
      await sighted.cache.setMany([...there, ...elsewhere].map((key) => [key, 'old']))
      await cutOff(cut)
      await cut.cache.deleteMany(there.slice(0, deleted))
      await heal(cut)
      const left = async (keys: string[]) =>
        (await sighted.cache.getMany(keys)).filter((value) => value === 'old').length
      return { there: await left(there), elsewhere: await left(elsewhere) }
    }
    expect(await leftAfter(3)).toEqual({ there: 5, elsewhere: 8 })
    expect(await leftAfter(4)).toEqual({ there: 0, elsewhere: 8 })
  })
})

test('a server is used again although invalidations of its keys never pause', async () => {
  await using fleet = await Fleet.start(2)
  const node = await fleet.node()
  const keys = fleet.keysOf(CUT, 100)
  for (const way of node.ways) way.inject({ delayMs: 5 })
  let isOver = false
  let deleted = 0
  const deleting: Promise<unknown>[] = []
  const deleteOn = async () => {
    // Several on their way at any time: there is never a moment without one.
    while (!isOver) {
      deleting.push(node.cache.delete(keys[deleted++ % keys.length] ?? ''))
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
  const traffic = deleteOn()
  await until('some are on their way', () => deleted > 10)
  node.ways[CUT]?.cut()
  await until('what was lost is owed', () => node.cache.stats().l2.queuedInvalidations > 0)
  try {
    await until('it is used again', async () => (await stateOf(node)) === 'used')
  } finally {
    isOver = true
    await traffic
    await Promise.all(deleting)
  }
})

test('a server that does not answer costs its first callers their l2Timeout, and callers of others nothing', async () => {
  await using fleet = await Fleet.start(3)
  const node = await fleet.node({ cache: { l2Timeout: '600ms' } })
  const { cache } = node
  const [silent, answering] = [fleet.keysOf(CUT, 8), fleet.keysOf(0, 8)]
  await cache.setMany([...silent, ...answering].map((key) => [key, 'stored']))
  node.ways[CUT]?.inject({ blackhole: true })
  const startedAt = performance.now()
  const first = Promise.all(silent.map((key) => cache.getOrSet(key, () => 'loaded')))
  expect(await cache.getMany(answering)).toEqual(answering.map(() => 'stored'))
  // Milliseconds, and the slack of a busy machine: far below l2Timeout.
  expect(performance.now() - startedAt).toBeLessThan(400)
  expect(await first).toEqual(silent.map(() => 'loaded'))
  expect(node.warnings.filter((line) => line.includes('too late')).length).toBe(1)
  const laterAt = performance.now()
  expect(await cache.getMany(silent)).toEqual(silent.map(() => undefined))
  expect(await cache.delete(silent[0] ?? '')).toEqual({ l2: 'queued' })
  expect(performance.now() - laterAt).toBeLessThan(400)
  expect(cache.stats().l2).toMatchObject({ online: true, breaker: 'closed' })
  await heal(node)
  expect(await cache.get(silent[0] ?? '')).toBeUndefined()
  expect(await cache.get(silent[1] ?? '')).toBe('stored')
})

test('a write under quarantine needs every server that keeps what it names', async () => {
  await using fleet = await Fleet.start(3)
  const node = await fleet.node()
  const [there = '', elsewhere = ''] = [fleet.keysOf(CUT, 1)[0], fleet.keysOf(0, 1)[0]]
  await cutOff(node)
  let written = 0
  const write = (names: { keys?: string[]; tags?: string[] }) => node.cache.write(names, () => ++written)
  await expect(write({ keys: [there] })).rejects.toMatchObject({ code: 'l2_part_away' })
  await expect(write({ tags: ['t'] })).rejects.toMatchObject({ code: 'l2_part_away' })
  expect(await write({ keys: [elsewhere] })).toEqual({ value: 1, l2: 'applied' })
})
