import { decorateStore } from '@holdfast/testkit'
import { describe, expect, test } from 'vitest'
import type { StoreDefinition } from '../contracts.ts'
import { watched } from '../testing/outcome.ts'
import { PartedStage } from '../testing/parted-stage.ts'
import { Stage } from '../testing/stage.ts'

describe('explain', () => {
  test('says where an entry stands on each tier and why, and changes nothing', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node({ swr: '1h' }), stage.node({ swr: '1h' })]
    const verdicts = async (): Promise<[string, string]> => {
      const before = JSON.stringify(a.cache.stats())
      const { l1, l2 } = await a.cache.explain('k')
      expect(JSON.stringify(a.cache.stats())).toBe(before)
      return [l1.verdict, l2.verdict]
    }
    expect(await verdicts()).toEqual(['absent', 'absent'])
    await b.cache.set('k', 'v', { tags: ['t'], ttl: '10s' })
    expect(await verdicts()).toEqual(['absent', 'fresh'])
    await a.cache.get('k')
    expect(await verdicts()).toEqual(['fresh', 'fresh'])
    const { l1, l2, key, namespace, loading } = await a.cache.explain('k')
    expect({ key, namespace, loading }).toEqual({ key: 'k', namespace: 'shop', loading: false })
    expect(l1).toMatchObject({
      present: true,
      ageMs: 0,
      freshMs: 10_000,
      tags: [{ tag: 't', state: 'current' }],
    })
    expect(l2).toMatchObject({
      present: true,
      ageMs: 0,
      freshMs: 10_000,
      bytes: 3,
      tags: [{ tag: 't', state: 'current' }],
    })
    await b.cache.expireTag('t')
    await stage.settle()
    expect(await verdicts()).toEqual(['to be verified: a read asks L2', 'stale'])
    await b.cache.invalidateTag('t')
    await stage.settle()
    expect((await verdicts())[1]).toBe('invalidated: tag "t"')
    await b.cache.set('k', 'v')
    await b.cache.clear()
    await stage.settle()
    expect((await verdicts())[1]).toContain('the namespace was cleared')
    stage.server.plant('shop', 'k', Buffer.from('no entry'))
    expect((await verdicts())[1]).toContain('unreadable: not an entry')
    a.connection.disconnect()
    expect((await verdicts())[1]).toContain('it is away')
    await a.cache.delete('x')
    expect((await verdicts())[1]).toBe('not used: it is away, and 1 invalidation is owed to it')
    await a.cache.deleteMany(['y', 'z'])
    expect((await a.cache.explain('k')).l2).toEqual({
      present: false,
      server: 'memory',
      verdict: 'not used: it is away, and 3 invalidations are owed to it',
    })
    stage.server.failNext('invalidate', 1)
    a.connection.reconnect()
    await stage.settle()
    expect((await verdicts())[1]).toBe('not used: 3 invalidations are owed to it')
  })

  test('names the server that keeps a key, and what that one is owed', async () => {
    await using stage = new PartedStage()
    const { cache, connections } = stage.node({ l1: false })
    await cache.set('a', 'v')
    const part = stage.servers.indexOf(stage.serverOf('a'))
    const l2 = async () => (await cache.explain('a')).l2
    expect(await l2()).toMatchObject({ present: true, server: `memory ${part}`, verdict: 'fresh' })
    connections[part]?.disconnect()
    expect(await l2()).toEqual({ present: false, server: `memory ${part}`, verdict: 'not used: it is away' })
    await cache.deleteMany(['a', 'd'])
    expect(await l2()).toMatchObject({ verdict: 'not used: it is away, and 2 invalidations are owed to it' })
    for (const connection of connections) connection.disconnect()
    await cache.invalidateTag('t')
    expect(await l2()).toMatchObject({
      server: `memory ${part}`,
      verdict: 'not used: it is away, and 3 invalidations are owed to it',
    })
  })

  test('names a stand-in, and for whom it stands in', async () => {
    const standIn = { address: 'gutter', state: 'used', owed: 0, standsInFor: 'own' } as const
    const decorated = (definition: StoreDefinition) =>
      decorateStore(definition, { namespace: () => ({ serverOf: () => standIn }) })
    await using stage = new PartedStage({ store: decorated })
    const { cache } = stage.node()
    const { l2 } = await cache.explain('k')
    expect(l2).toEqual({
      ...{ present: false, server: 'gutter', standsInFor: 'own' },
      verdict: 'absent, on a stand-in for own, which is not used',
    })
  })

  test('says that a load is under way, and which tiers there are', async () => {
    await using stage = new Stage()
    const cache = stage.alone()
    watched(cache.getOrSet('k', () => new Promise<never>(() => undefined)))
    await stage.settle()
    expect(await cache.explain('k')).toMatchObject({ loading: true, l2: { verdict: 'there is no L2' } })
    expect((await stage.node({ l1: false }).cache.explain('k')).l1.verdict).toBe('L1 is off')
  })
})
