/** Rules of docs/wire/protocol.md; each race is run with its rule and without it. */
import type { MemoryServer } from '@holdfast/testkit'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Database } from '../../testing/database.ts'
import { watched } from '../../testing/outcome.ts'
import { race } from '../../testing/race.ts'
import { Stage } from '../../testing/stage.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('C and R: what a server forgot or remembered wrongly', () => {
  const withoutRestartFence = (server: MemoryServer): void => {
    vi.spyOn(server.commands, 'admit').mockReturnValue(undefined)
  }

  race('R: a restart with old data does not bring a deleted value back', {
    off: { server: withoutRestartFence },
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      const db = new Database('old')
      await a.cache.getOrSet('k', db.load, { tags: ['t'] })
      await a.cache.getOrSet('tagged', db.load, { tags: ['t'] })
      const saved = stage.server.snapshot()
      db.value = 'new'
      await b.cache.delete('k')
      await b.cache.invalidateTag('t')
      stage.server.restartWithData(saved)
      await stage.settle()
      return await Promise.all(['k', 'tagged'].map((key) => a.cache.getOrSet(key, db.load, { tags: ['t'] })))
    },
    holds: ['new', 'new'],
    breaks: ['old', 'old'],
  })

  /** Rule C alone: rule R would fence the restart as a whole. */
  const leasesOutliveTheirConnection = (server: MemoryServer): void => {
    Object.defineProperty(server.commands, 'holdsLease', {
      value: (_at: unknown, _key: string, token: string) =>
        [...server.snapshot().lease.values()].some((lease) => lease.value.token === token),
    })
  }
  const lateFillAfterRestart = async (stage: Stage): Promise<unknown> => {
    const [a, b] = [stage.node(), stage.node()]
    const db = new Database('old')
    db.hold()
    const before = watched(a.cache.getOrSet('k', db.load))
    await stage.settle()
    const saved = stage.server.snapshot()
    db.value = 'new'
    await b.cache.delete('k')
    stage.server.restartWithData(saved)
    await stage.settle()
    db.release()
    await stage.settle()
    const after = watched(b.cache.getOrSet('k', db.load))
    // Longer than the lease that the server remembers.
    await stage.advance(1_500)
    return [before(), after()]
  }

  test('C: a lease is void on another connection, whatever the restarted server remembers', async () => {
    await using stage = new Stage({ server: withoutRestartFence })
    expect(await lateFillAfterRestart(stage)).toEqual([{ value: 'old' }, { value: 'new' }])
  })

  test('C: not without the rule', async () => {
    await using stage = new Stage({
      server: (server) => {
        withoutRestartFence(server)
        leasesOutliveTheirConnection(server)
      },
    })
    expect(await lateFillAfterRestart(stage)).toEqual([{ value: 'old' }, { value: 'old' }])
  })

  test('an empty restart and a flush cost misses, nothing else', async () => {
    await using stage = new Stage()
    const { cache } = stage.node()
    for (const disturb of [() => stage.server.restartEmpty(), () => stage.server.flushAll()]) {
      await cache.set('k', 'v', { tags: ['t'] })
      disturb()
      await stage.settle()
      expect(await cache.get('k')).toBeUndefined()
      expect(await cache.getOrSet('k', () => 'v2', { tags: ['t'] })).toBe('v2')
      expect(await cache.get('k')).toBe('v2')
    }
  })

  test('a full server refuses fills and applies invalidations', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await a.cache.set('k', 'old', { tags: ['t'] })
    expect(await b.cache.get('k')).toBe('old')
    stage.server.outOfMemory = true
    expect(await a.cache.invalidateTag('t')).toEqual({ l2: 'applied' })
    await stage.settle()
    expect(await b.cache.get('k')).toBeUndefined()
    expect(await b.cache.getOrSet('k', () => 'new', { tags: ['t'] })).toBe('new')
    expect(await a.cache.clear()).toEqual({ l2: 'applied' })
    await stage.settle()
    expect(await b.cache.get('k')).toBeUndefined()
  })

  test('a full server makes nobody wait for a lease: neither a refused fill nor missing tokens keep one', async () => {
    await using stage = new Stage()
    const nodes = [stage.node({ l1: false }), stage.node({ l1: false })]
    const db = new Database('v')
    for (const { cache } of nodes) await cache.getOrSet('first', db.load)
    stage.server.outOfMemory = true
    for (const { cache } of [...nodes, ...nodes]) expect(await cache.getOrSet('k', db.load)).toBe('v')
    await nodes[0]?.cache.invalidateTag('t')
    for (const { cache } of [...nodes, ...nodes]) expect(await cache.getOrSet('k', db.load)).toBe('v')
    expect(db.loads).toHaveLength(9)
    stage.server.outOfMemory = false
    for (const { cache } of nodes) await cache.getOrSet('k', db.load)
    expect(db.loads).toHaveLength(10)
  })
})
