/** A shared tier of several servers, of which one may be away. 'a', 'b' and 'c' are kept by different ones. */
import { decorateStore } from '@holdfast/testkit'
import { describe, expect, test } from 'vitest'
import type { CacheEvent } from '../events.ts'
import { codeOf, watched } from '../testing/outcome.ts'
import { PartedStage, type PartsOff } from '../testing/parted-stage.ts'

const L1 = { mode: 'none', maxStale: '1s' } as const

async function tripsOfSecondReads(off: PartsOff): Promise<number> {
  await using stage = new PartedStage(off)
  const { cache } = stage.node({ l1: L1 })
  for (const key of ['a', 'b', 'c']) await cache.set(key, key, { tags: ['t'] })
  expect(await cache.getMany(['a', 'b', 'c'])).toEqual(['a', 'b', 'c'])
  for (const server of stage.servers) server.resetStats()
  expect(await cache.getMany(['a', 'b', 'c'])).toEqual(['a', 'b', 'c'])
  return stage.servers.reduce((sum, server) => sum + server.stats.roundTrips, 0)
}

describe('each part has tokens of its own', () => {
  test('values of one tag and several parts are in L1 side by side', async () => {
    expect(await tripsOfSecondReads({})).toBe(0)
  })

  test('they would put each other out of L1 if the parts were taken for one', async () => {
    const asOne = { store: hidesParts }
    expect(await tripsOfSecondReads(asOne)).toBeGreaterThan(0)
  })

  test('an invalidated tag, and a clear, take the values of every part', async () => {
    await using stage = new PartedStage()
    const { cache } = stage.node({ l1: L1 })
    for (const invalidate of [() => cache.invalidateTag('t'), () => cache.clear()]) {
      for (const key of ['a', 'b', 'c']) await cache.set(key, key, { tags: ['t'] })
      expect(await invalidate()).toEqual({ l2: 'applied' })
      expect(await cache.getMany(['a', 'b', 'c'])).toEqual([undefined, undefined, undefined])
    }
    expect(cache.stats().l1.entries).toBe(0)
  })

  test('an invalidated tag takes them out of L1 while no part can be told', async () => {
    await using stage = new PartedStage()
    const { cache, connections } = stage.node({ l1: L1, staleIfError: '1h' })
    for (const key of ['a', 'b', 'c']) await cache.set(key, key, { tags: ['t'] })
    for (const connection of connections) connection.disconnect()
    expect(await cache.invalidateTag('t')).toEqual({ l2: 'queued' })
    const fails = () => Promise.reject(new Error('down'))
    for (const key of ['a', 'b', 'c']) await expect(cache.getOrSet(key, fails)).rejects.toThrow('down')
  })
})

function hidesParts(definition: Parameters<typeof decorateStore>[0]) {
  return decorateStore(definition, { namespace: () => ({ part: undefined }) })
}

describe('a part that is away', () => {
  test('has misses that are loaded once per Δ, and nothing else is touched', async () => {
    await using stage = new PartedStage()
    const events: CacheEvent[] = []
    const { cache, connections } = stage.node({ l1: L1, onEvent: (event) => void events.push(event) })
    for (const key of ['a', 'b', 'c']) await cache.set(key, 'stored')
    await stage.advance(1_001)
    connections[stage.servers.indexOf(stage.serverOf('a'))]?.disconnect()
    for (let round = 0; round < 20; round++) {
      expect(await cache.getOrSet('a', () => `loaded ${round}`)).toBe('loaded 0')
      expect(await cache.getOrSet('b', () => 'loaded')).toBe('stored')
      expect(await cache.getOrSet('c', () => 'loaded')).toBe('stored')
    }
    const { l2, loads, misses, l2Errors } = cache.stats()
    expect({ l2, loads, error: misses.error, l2Errors }).toMatchObject({
      l2: { online: true, breaker: 'closed', queuedInvalidations: 0, servers: { used: 2, away: 1 } },
      loads: 1,
      error: 1,
      l2Errors: 1,
    })
    expect(events.filter(({ type }) => type === 'trouble')).toMatchObject([{ what: 'l2.lost' }])
    await stage.advance(1_001)
    expect(await cache.getOrSet('a', () => 'loaded after Δ')).toBe('loaded after Δ')
    expect(await stage.node().cache.get('a')).toBe('stored')
  })

  test('is not told of by the breaker, as it would be if it failed as a whole', async () => {
    const warningsAfterReads = async (failsAsAWhole: boolean) => {
      await using stage = new PartedStage({ rules: { failsAsAWhole } })
      const warnings: string[] = []
      const logger = { info() {}, warn: (line: string) => void warnings.push(line) }
      const { cache, connections } = stage.node({ l1: false, logger })
      connections[stage.servers.indexOf(stage.serverOf('a'))]?.disconnect()
      for (let i = 0; i < 10; i++) await cache.get('a')
      return warnings
    }
    expect(await warningsAfterReads(false)).toEqual([])
    expect(await warningsAfterReads(true)).toMatchObject([expect.stringContaining('going on without it')])
  })

  test('leaves the stale values of L1 to whoever cannot load', async () => {
    await using stage = new PartedStage()
    const { cache, connections } = stage.node({ l1: L1, ttl: '10s', staleIfError: '1h' })
    await cache.set('a', 'stale')
    await stage.advance(11_000)
    connections[stage.servers.indexOf(stage.serverOf('a'))]?.disconnect()
    expect(await cache.getOrSet('a', () => Promise.reject(new Error('down')))).toBe('stale')
  })

  test('is owed what it could not be told, which stats and close count', async () => {
    await using stage = new PartedStage()
    const { cache, connections } = stage.node()
    const lost = connections[stage.servers.indexOf(stage.serverOf('a'))]
    lost?.disconnect()
    expect(await cache.delete('a')).toEqual({ l2: 'queued' })
    expect(await cache.delete('b')).toEqual({ l2: 'applied' })
    expect(await codeOf(cache.invalidateTag('t', { require: 'applied' }))).toBe('not_applied')
    expect(cache.stats().l2.queuedInvalidations).toBe(2)
    expect(await cache.close()).toEqual({ notApplied: 2 })
  })

  test('hears of it before it is used again, and so does every other process', async () => {
    await using stage = new PartedStage()
    const [a, b] = [stage.node(), stage.node()]
    await b.cache.set('a', 'old')
    await b.cache.set('d', 'old', { tags: ['t'] })
    const cutOff = a.connections[stage.servers.indexOf(stage.serverOf('a'))]
    cutOff?.disconnect()
    expect(await a.cache.delete('a')).toEqual({ l2: 'queued' })
    expect(await a.cache.invalidateTag('t')).toEqual({ l2: 'queued' })
    expect(await a.cache.getMany(['a', 'd'])).toEqual([undefined, undefined])
    // Not acknowledged: the others may go on with what they have.
    expect(await b.cache.get('a', { consistency: 'strong' })).toBe('old')
    cutOff?.reconnect()
    await stage.settle()
    expect(a.cache.stats().l2.queuedInvalidations).toBe(0)
    for (const { cache } of [a, b]) {
      expect(await cache.get('a', { consistency: 'strong' })).toBeUndefined()
      expect(await cache.get('d', { consistency: 'strong' })).toBeUndefined()
    }
  })

  test('a set of a key that it keeps is a queued delete', async () => {
    await using stage = new PartedStage()
    const [a, b] = [stage.node(), stage.node()]
    await b.cache.set('a', 'old')
    const cutOff = a.connections[stage.servers.indexOf(stage.serverOf('a'))]
    cutOff?.disconnect()
    expect(await a.cache.set('a', 'new')).toEqual({ l2: 'queued', stored: false })
    cutOff?.reconnect()
    await stage.settle()
    expect(await b.cache.get('a', { consistency: 'strong' })).toBeUndefined()
  })

  test('makes a write reject before it is made: nothing would tell others of it if we died', async () => {
    await using stage = new PartedStage()
    const { cache, connections } = stage.node()
    connections[stage.servers.indexOf(stage.serverOf('a'))]?.disconnect()
    let written = 0
    const write = (names: { keys?: string[]; tags?: string[] }) => cache.write(names, () => ++written)
    expect(await codeOf(write({ keys: ['a'] }))).toBe('l2_part_away')
    expect(await codeOf(write({ tags: ['t'] }))).toBe('l2_part_away')
    expect(written).toBe(0)
    expect(await write({ keys: ['b'] })).toEqual({ value: 1, l2: 'applied' })
  })

  test('a load under its lease ends with its value, which is not kept', async () => {
    await using stage = new PartedStage()
    const { cache, connections } = stage.node({ l1: L1 })
    const { promise, resolve } = Promise.withResolvers<string>()
    const load = watched(cache.getOrSet('a', () => promise))
    await stage.settle()
    connections[stage.servers.indexOf(stage.serverOf('a'))]?.disconnect()
    resolve('loaded')
    await stage.settle()
    expect(load()).toEqual({ value: 'loaded' })
    expect(cache.stats().l1.entries).toBe(0)
  })

  test('all parts away is L2 away', async () => {
    await using stage = new PartedStage()
    const { cache, connections } = stage.node()
    for (const connection of connections) connection.disconnect()
    expect(cache.stats().l2.online).toBe(false)
    connections[0]?.reconnect()
    await stage.settle()
    expect(cache.stats().l2.online).toBe(true)
  })
})
