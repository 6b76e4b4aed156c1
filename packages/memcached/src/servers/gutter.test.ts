/** Who cannot reach a key's own server, and who can, and the servers that stand in for it. */
import { describe, expect, test } from 'vitest'
import type { PoolRules } from './pool-rules.ts'
import { type PoolNode, PoolStage } from './testing/memory-pool.ts'

/** Cuts a process off from every server of the list; the gutter it reaches. */
function cutOff({ connections }: PoolNode): void {
  for (const connection of connections.slice(0, 3)) connection.disconnect()
}

async function stageOf(rules: Partial<PoolRules> = {}) {
  const stage = new PoolStage({ gutter: true, rules })
  const [sighted, blind, alsoBlind] = [stage.node(), stage.node(), stage.node()]
  await stage.settle()
  for (const node of [blind, alsoBlind]) cutOff(node)
  await stage.settle()
  return { stage, sighted: sighted.cache, blind: blind.cache, alsoBlind: alsoBlind.cache, blindNode: blind }
}

const old = () => 'old'
const current = () => 'new'

describe('while its own server is away', () => {
  test('a key is loaded once for all who do not reach it', async () => {
    const { stage, sighted, blind, alsoBlind } = await stageOf()
    await using _ = stage
    expect(await blind.getOrSet('k', old)).toBe('old')
    expect(await alsoBlind.get('k')).toBe('old')
    expect(await sighted.get('k')).toBeUndefined()
  })

  test('its value lives ten seconds, however long it might', async () => {
    const livesAfter = async (ms: number, rules: Partial<PoolRules>) => {
      const { stage, blind, alsoBlind } = await stageOf(rules)
      await using _ = stage
      await blind.getOrSet('k', old)
      await stage.advance(ms)
      return await alsoBlind.get('k')
    }
    expect(await livesAfter(8_000, {})).toBe('old')
    expect(await livesAfter(10_000, {})).toBeUndefined()
    expect(await livesAfter(10_000, { gutterMs: Number.POSITIVE_INFINITY })).toBe('old')
  })

  test('a set is a queued delete: what is put must not be gone in ten seconds', async () => {
    const { stage, sighted, blind, alsoBlind } = await stageOf()
    await using _ = stage
    await sighted.set('k', 'old')
    await blind.getOrSet('k', old)
    expect(await blind.set('k', 'new')).toEqual({ l2: 'queued', stored: false })
    expect(await alsoBlind.get('k')).toBeUndefined()
  })
})

describe('G1 between those who reach the server and those who do not', () => {
  const changes = {
    delete: (node: PoolNode['cache']) => node.delete('k'),
    set: (node: PoolNode['cache']) => node.set('k', 'new'),
    invalidateTag: (node: PoolNode['cache']) => node.invalidateTag('t'),
    clear: (node: PoolNode['cache']) => node.clear(),
  }

  for (const [name, change] of Object.entries(changes)) {
    const play = async (rules: Partial<PoolRules>) => {
      const { stage, sighted, blind, alsoBlind } = await stageOf(rules)
      await using _ = stage
      await blind.getOrSet('k', old, { tags: ['t'] })
      const changed = await change(sighted)
      return { l2: changed.l2, after: await alsoBlind.getOrSet('k', current, { tags: ['t'] }) }
    }

    test(`a ${name} by one who does is acknowledged, and holds for one who does not`, async () => {
      expect(await play({})).toEqual({ l2: 'applied', after: 'new' })
    })

    if (name !== 'delete' && name !== 'set') continue
    test(`it would not if the gutter were not told: ${name}`, async () => {
      expect(await play({ tellsGutter: false })).toEqual({ l2: 'applied', after: 'old' })
    })
  }

  test('a load that was under way in the gutter is not stored there', async () => {
    const play = async (rules: Partial<PoolRules>) => {
      const { stage, sighted, blind, alsoBlind } = await stageOf(rules)
      await using _ = stage
      const { promise, resolve } = Promise.withResolvers<string>()
      const loading = blind.getOrSet('k', () => promise)
      await stage.settle()
      expect(await sighted.delete('k')).toEqual({ l2: 'applied' })
      resolve('old')
      await loading
      return await alsoBlind.getOrSet('k', current)
    }
    expect(await play({})).toBe('new')
    expect(await play({ tellsGutter: false })).toBe('old')
  })

  test('a delete by one who does not reach it is queued, and holds before he uses it again', async () => {
    const { stage, sighted, blind, blindNode } = await stageOf()
    await using _ = stage
    await sighted.set('k', 'old')
    expect(await blind.delete('k')).toEqual({ l2: 'queued' })
    expect(await blind.getOrSet('k', current)).toBe('new')
    for (const connection of blindNode.connections) connection.reconnect()
    await stage.settle()
    expect(await blind.get('k')).toBeUndefined()
    expect(await sighted.get('k')).toBeUndefined()
  })

  test('where the gutter is away, a delete is queued: who sees it may read it', async () => {
    await using stage = new PoolStage({ gutter: true })
    const { cache, connections } = stage.node()
    await stage.settle()
    connections[3]?.disconnect()
    expect(await cache.delete('k')).toEqual({ l2: 'queued' })
    expect(await cache.set('k', 'v')).toEqual({ l2: 'queued', stored: true })
    connections[3]?.reconnect()
    await stage.settle()
    expect(await cache.delete('k')).toEqual({ l2: 'applied' })
  })
})
