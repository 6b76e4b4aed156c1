/** What an operator hears of servers: that one is lost, once, and that it is used again. */
import { manualClock } from '@holdfast/testkit'
import { describe, expect, test } from 'vitest'
import type { ServerState } from '../contracts.ts'
import type { CacheEvent } from '../events.ts'
import { PartedStage } from '../testing/parted-stage.ts'
import { Stage } from '../testing/stage.ts'
import { ServerNews } from './server-news.ts'

const SILENT = { info() {}, warn() {} }

/** `onEvent` of a node, and what was heard of servers by it. */
function listener() {
  const told: string[] = []
  const errors: unknown[] = []
  const onEvent = (event: CacheEvent) => {
    if (event.type !== 'trouble' || event.server === undefined) return
    told.push(`${event.cache}: ${event.what} ${event.server}`)
    if (event.error !== undefined) errors.push(event.error)
  }
  return { told, errors, onEvent }
}

describe('L2 of one server', () => {
  test('is lost once and back once, whatever the number of namespaces', async () => {
    await using stage = new Stage()
    const { told, errors, onEvent } = listener()
    const { cache, connection } = stage.node({ onEvent })
    await cache.namespace('inner').get('k')
    for (let round = 1; round <= 2; round++) {
      connection.disconnect()
      await stage.advance(5_000)
      await cache.get('k')
      expect(told.splice(0)).toEqual(['shop: l2.lost memory'])
      expect(cache.stats()).toMatchObject({
        l2Errors: round,
        l2: { servers: { used: 0, away: 1, owed: 0 } },
      })
      connection.reconnect()
      await stage.settle()
      expect(told.splice(0)).toEqual(['shop: l2.back memory'])
      expect(cache.stats()).toMatchObject({ l2Errors: round, l2: { servers: { used: 1, away: 0 } } })
    }
    expect(errors).toEqual([1, 2].map(() => expect.objectContaining({ code: 'l2_unavailable', tier: 'l2' })))
  })

  test('is back when it is used: not before it has what it is owed', async () => {
    await using stage = new Stage()
    const { told, onEvent } = listener()
    const { cache, connection } = stage.node({ onEvent })
    await cache.get('k')
    connection.disconnect()
    await cache.delete('k')
    stage.server.failNext('invalidate', 1)
    connection.reconnect()
    await stage.settle()
    expect(told).toEqual(['shop: l2.lost memory'])
    expect(cache.stats().l2.servers).toMatchObject({ used: 0, away: 0, owed: 1 })
    await stage.advance(1_000)
    expect(told).toEqual(['shop: l2.lost memory', 'shop: l2.back memory'])
  })

  test('that was not reached within l2Timeout is lost, and one that was is not told of', async () => {
    await using stage = new Stage()
    const { told, onEvent } = listener()
    stage.server.stop()
    stage.node({ onEvent })
    await stage.advance(249)
    expect(told).toEqual([])
    await stage.advance(1)
    expect(told).toEqual(['shop: l2.lost memory'])
    const inTime = listener()
    stage.node({ onEvent: inTime.onEvent })
    await stage.advance(200)
    stage.server.start()
    await stage.advance(5_000)
    expect(told).toEqual(['shop: l2.lost memory', 'shop: l2.back memory'])
    expect(inTime.told).toEqual([])
  })

  test('that is too late is lost, too, and back when it answers', async () => {
    await using stage = new Stage()
    const { told, onEvent } = listener()
    const { cache } = stage.node({ onEvent, logger: SILENT })
    await cache.get('k')
    stage.server.pause()
    const calls = Array.from({ length: 6 }, (_, i) => cache.get(`k${i}`))
    await stage.advance(250)
    await Promise.all(calls)
    expect(told.splice(0)).toEqual(['shop: l2.breaker_opened memory', 'shop: l2.lost memory'])
    stage.server.resume()
    await stage.advance(1_000)
    expect(told).toEqual(['shop: l2.back memory'])
  })

  test('is not told of any more once its cache is closed', async () => {
    await using stage = new Stage()
    const { told, onEvent } = listener()
    const { cache } = stage.node({ onEvent })
    await cache.get('k')
    stage.server.stop()
    const { cache: early } = stage.node({ onEvent })
    expect(told.splice(0)).toEqual(['shop: l2.lost memory'])
    await early.close()
    await cache.close()
    await stage.advance(5_000)
    stage.server.start()
    await stage.advance(5_000)
    expect(told).toEqual([])
  })
})

describe('L2 of several servers', () => {
  test('each is told of, and L2 as a whole where none is left', async () => {
    await using stage = new PartedStage()
    const { told, onEvent } = listener()
    const { cache, connections } = stage.node({ onEvent })
    await cache.get('a')
    connections[1]?.disconnect()
    expect(told.splice(0)).toEqual(['shop: l2.lost memory 1'])
    expect(cache.stats().l2).toMatchObject({ online: true, servers: { used: 2, away: 1, owed: 0 } })
    connections[0]?.disconnect()
    connections[2]?.disconnect()
    expect(told.splice(0).toSorted()).toEqual([
      'shop: l2.lost memory 0',
      'shop: l2.lost memory 2',
      'shop: l2.lost memory in parts',
    ])
    await cache.invalidateTag('t')
    for (const connection of connections) connection.reconnect()
    await stage.settle()
    expect(told.toSorted()).toEqual([
      'shop: l2.back memory 0',
      'shop: l2.back memory 1',
      'shop: l2.back memory 2',
      'shop: l2.back memory in parts',
    ])
    expect(cache.stats().l2.servers).toMatchObject({ used: 3, away: 0, owed: 0 })
  })

  test('no L2 has none', async () => {
    await using stage = new Stage()
    expect(stage.alone().stats().l2.servers).toMatchObject({ used: 0, away: 0, owed: 0 })
  })
})

describe('looking', () => {
  const at = (address: string, state: ServerState['state']): ServerState => ({ address, state, owed: 0 })

  function heard(...looks: readonly (readonly ServerState[])[]): string[] {
    const told: string[] = []
    const next = looks.values()
    const news = new ServerNews(
      manualClock({ seed: 1 }),
      250,
      (what, address, error) => told.push(what === 'l2.back' ? `+ ${address}` : `- ${error?.message}`),
      () => next.next().value ?? [],
    )
    for (const _ of looks) news.look()
    return told
  }

  test('a server that waits, or is owed something, is neither lost nor back', () => {
    const looks = ['used', 'waiting', 'used', 'owed', 'used', 'away', 'waiting', 'owed', 'used'] as const
    expect(heard(...looks.map((state) => [at('a', state)]))).toEqual(['- a is not used', '+ a'])
  })

  test('why it is away is told, where that is known', () => {
    const cause = new Error('refused')
    expect(heard([at('a', 'used')], [{ ...at('a', 'away'), cause }])).toEqual(['- a is not used (refused)'])
  })

  test('one that has left the list is forgotten; none is while L2 is left alone', () => {
    const [whole, b, c] = [at('all', 'used'), at('b', 'used'), at('c', 'used')]
    const lost = [whole, at('b', 'away'), c]
    const back = [whole, b, c]
    expect(heard(back, lost, [at('all', 'away')], back)).toEqual([
      expect.stringMatching(/^- b/),
      expect.stringMatching(/^- all/),
      '+ all',
      '+ b',
    ])
    expect(heard(back, lost, [whole, c], back)).toEqual([expect.stringMatching(/^- b/)])
  })
})
