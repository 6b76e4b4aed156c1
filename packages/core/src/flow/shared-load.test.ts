import { describe, expect, test } from 'vitest'
import { Database } from '../testing/database.ts'
import { watched } from '../testing/outcome.ts'
import { Stage } from '../testing/stage.ts'

describe('between processes', () => {
  test('one load per fleet, and one refresh', async () => {
    await using stage = new Stage()
    const nodes = [0, 1, 2].map(() => stage.node({ ttl: '1s', swr: '1h' }))
    const db = new Database('old')
    db.hold()
    const cold = nodes.flatMap(({ cache }) => [1, 2, 3].map(() => watched(cache.getOrSet('k', db.load))))
    await stage.settle()
    db.release()
    await stage.settle()
    expect(cold.map((call) => call())).toEqual(cold.map(() => ({ value: 'old' })))
    expect(db.loads).toHaveLength(1)
    await stage.advance(1_500)
    db.value = 'new'
    db.hold()
    const stale = nodes.flatMap(({ cache }) => [1, 2, 3].map(() => watched(cache.getOrSet('k', db.load))))
    await stage.settle()
    expect(stale.map((call) => call())).toEqual(stale.map(() => ({ value: 'old' })))
    expect(db.loads).toHaveLength(2)
    db.release()
    await stage.settle()
    for (const { cache } of nodes) expect(await cache.get('k')).toBe('new')
  })

  test('a loader whose process is cut off costs the others its lease, at most a second', async () => {
    await using stage = new Stage()
    const [dead, alive] = [stage.node(), stage.node()]
    watched(dead.cache.getOrSet('k', () => new Promise<never>(() => undefined)))
    await stage.settle()
    dead.connection.disconnect()
    const call = watched(alive.cache.getOrSet('k', () => 'v'))
    await stage.advance(900)
    expect(call()).toBe('pending')
    await stage.advance(200)
    expect(call()).toEqual({ value: 'v' })
  })

  test('a slow loader keeps its lease: the others wait up to their own hardTimeout, then load', async () => {
    await using stage = new Stage()
    const [slow, other] = [stage.node(), stage.node({ hardTimeout: '5s' })]
    const db = new Database('v')
    db.hold()
    watched(slow.cache.getOrSet('k', db.load))
    await stage.settle()
    const call = watched(other.cache.getOrSet('k', () => 'own'))
    await stage.advance(4_900)
    expect(call()).toBe('pending')
    await stage.advance(200)
    expect(call()).toEqual({ value: 'own' })
    // Nothing is stored without the lease: the slow one's fill is still good.
    db.release()
    await stage.settle()
    expect(await stage.node().cache.get('k')).toBe('v')
  })

  test('a background refresh leaves where another process loads already', async () => {
    await using stage = new Stage()
    const nodes = [stage.node({ ttl: '1s', swr: '1h' }), stage.node({ ttl: '1s', swr: '1h' })]
    for (const { cache } of nodes) await cache.getOrSet('k', () => 'old')
    await stage.advance(1_000)
    const db = new Database('new')
    db.hold()
    for (const { cache } of nodes) expect(await cache.getOrSet('k', db.load)).toBe('old')
    await stage.settle()
    expect(db.loads).toHaveLength(1)
    expect(nodes.map(({ cache }) => cache.stats().flights)).toEqual([1, 0])
  })

  test('a wrong shape in L2 is a miss that the load overwrites', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    const text = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: (value: unknown) =>
          typeof value === 'string' ? { value } : { issues: [{ message: 'no text' }] },
      },
    }
    await a.cache.set('k', 42)
    // Calls of one tick share a READ only if they ask for the same.
    expect(await Promise.all([b.cache.get('k'), b.cache.get('k', { validate: text })])).toEqual([
      42,
      undefined,
    ])
    await a.cache.set('k', 42)
    expect(await b.cache.getOrSet('k', () => 'text', { validate: text })).toBe('text')
    await stage.settle()
    expect(await a.cache.get('k')).toBe('text')
    stage.server.plant(
      'shop',
      'k',
      Buffer.from('garbage that is no entry of ours, and long enough to look like one'),
    )
    await stage.settle()
    expect(await b.cache.getOrSet('k', () => 'healed')).toBe('healed')
    await stage.settle()
    expect(await a.cache.get('k')).toBe('healed')
  })

  test('ttl { l1, l2 }: L1 asks L2 again after its own, and keeps the same object', async () => {
    await using stage = new Stage()
    const { cache } = stage.node({ ttl: { l1: '1s', l2: '10s' } })
    const db = new Database({ id: 1 })
    const value = await cache.getOrSet('k', db.load)
    stage.server.resetStats()
    await stage.advance(999)
    expect(await cache.getOrSet('k', db.load)).toBe(value)
    expect(stage.server.stats.commands.read).toBe(0)
    await stage.advance(1)
    expect(await cache.getOrSet('k', db.load)).toBe(value)
    expect(stage.server.stats.commands.read).toBe(1)
    await stage.advance(9_000)
    await cache.getOrSet('k', db.load)
    expect(db.loads).toHaveLength(2)
  })

  test('an answer is not held up by a frozen L2 for longer than l2Timeout, all waits together', async () => {
    await using stage = new Stage()
    const { cache } = stage.node({ l2Timeout: '250ms' })
    await cache.get('warm-up')
    stage.server.pause()
    const call = watched(cache.getOrSet('k', () => 'v'))
    await stage.advance(249)
    expect(call()).toBe('pending')
    await stage.advance(2)
    expect(call()).toEqual({ value: 'v' })
  })
})

describe('two overtaken loads, a follow-up that waits, and a refresh', () => {
  async function crowd(stage: Stage) {
    const cache = stage.alone()
    const db = new Database('v')
    db.hold()
    const calls = [watched(cache.getOrSet('k', db.load))]
    for (let round = 0; round < 2; round++) {
      await stage.settle()
      await cache.delete('k')
      calls.push(watched(cache.getOrSet('k', db.load)))
    }
    await stage.settle()
    calls.push(watched(cache.refresh('k', db.load)))
    await stage.settle()
    return { cache, db, calls }
  }

  test('all end, and never more than two run', async () => {
    await using stage = new Stage()
    const { db, calls } = await crowd(stage)
    db.release()
    await stage.settle()
    expect(calls.map((call) => call())).toEqual(Array(4).fill({ value: 'v' }))
    expect(db.runningMax).toBe(2)
  })

  test('close ends those that wait, too', async () => {
    await using stage = new Stage()
    const { cache, calls } = await crowd(stage)
    await cache.close()
    await stage.settle()
    expect(calls.filter((call) => call() === 'pending')).toEqual([])
  })
})

test('a stale answer that meets a close leaves no unhandled rejection behind', async () => {
  const unhandled: unknown[] = []
  const note = (reason: unknown) => void unhandled.push(reason)
  process.prependListener('unhandledRejection', note)
  try {
    await using stage = new Stage()
    const cache = stage.alone({ ttl: '1s', swr: '1h', jitter: 0 })
    await cache.set('k', 'old')
    await stage.advance(2_000)
    const call = watched(cache.getOrSet('k', () => 'new'))
    await cache.close()
    await stage.settle()
    expect(call()).toEqual({ value: 'old' })
    // Node tells of unhandled rejections when the microtasks of a turn are done.
    await new Promise((resolve) => setImmediate(resolve))
    expect(unhandled).toEqual([])
  } finally {
    process.off('unhandledRejection', note)
  }
})
