/** What an operator hears of a bus: that it is lost, back, and that it refused. */
import { memoryServer, partedMemoryStore } from '@holdfast/testkit'
import { describe, expect, test } from 'vitest'
import type { CacheEvent, TroubleEvent } from '../events.ts'
import { type BusNode, BusStage } from '../testing/bus-stage.ts'

function listener() {
  const troubles: TroubleEvent[] = []
  const lines: string[] = []
  return {
    troubles,
    lines,
    hooks: {
      logger: { info: (line: string) => void lines.push(line), warn() {} },
      onEvent: (event: CacheEvent) => void (event.type === 'trouble' && troubles.push(event)),
    },
    /** What was told since this was asked last. */
    whats: () => troubles.splice(0).map(({ what, server }) => `${what} ${server}`),
  }
}

const linesOfBus = (lines: readonly string[]) => lines.filter((line) => line.includes(': bus '))

describe('a bus', () => {
  test('is lost once and back once, with a line that says that L1 is used again', async () => {
    await using stage = new BusStage()
    const { whats, lines, troubles, hooks } = listener()
    const { cache, bus } = await stage.node(hooks)
    for (let round = 0; round < 2; round++) {
      bus.disconnect()
      await stage.advance(5_000)
      expect(troubles[0]?.error).toMatchObject({ code: 'bus_unavailable' })
      expect(whats()).toEqual(['bus.lost memory'])
      expect(cache.stats()).toMatchObject({ l2Errors: 0, bus: { online: false, verified: false } })
      expect(linesOfBus(lines)).toEqual([])
      bus.reconnect()
      await stage.settle()
      expect(cache.stats().bus.verified).toBe(true)
      expect(whats()).toEqual(['bus.back memory'])
      expect(linesOfBus(lines.splice(0))).toEqual(['cache "shop": bus memory: is back, L1 is used again'])
    }
  })

  test('is not back before a beat has come back: until then L1 is not used', async () => {
    await using stage = new BusStage()
    const { whats, hooks } = listener()
    const { cache, bus } = await stage.node(hooks)
    bus.disconnect()
    await stage.settle()
    stage.bus.pause()
    bus.reconnect()
    await stage.advance(1_000)
    expect(cache.stats().bus).toMatchObject({ online: true, verified: false })
    expect(whats()).toEqual(['bus.lost memory'])
    stage.bus.resume()
    await stage.advance(1_000)
    expect(whats()).toEqual(['bus.back memory'])
  })

  test('that was never reached is told of after 200 ms, and when it is there', async () => {
    await using stage = new BusStage()
    const { whats, lines, hooks } = listener()
    stage.bus.stop()
    stage.nodeNow(hooks)
    await stage.advance(199)
    expect(whats()).toEqual([])
    await stage.advance(1)
    expect(whats()).toEqual(['bus.lost memory'])
    stage.bus.start()
    await stage.settle()
    expect(whats()).toEqual(['bus.back memory'])
    expect(linesOfBus(lines)).toEqual(['cache "shop": bus memory: is back, L1 is used again'])
  })

  test('that is there at once, and one that is closed, are not told of', async () => {
    await using stage = new BusStage()
    const { whats, lines, hooks } = listener()
    const { cache } = await stage.node(hooks)
    await stage.advance(5_000)
    await cache.close()
    await stage.advance(5_000)
    expect(whats()).toEqual([])
    expect(linesOfBus(lines)).toEqual([])
  })
})

describe('word that a bus refuses', () => {
  const changes: Record<string, [key: string | undefined, (node: BusNode) => Promise<{ l2: string }>]> = {
    delete: ['k', ({ cache }) => cache.delete('k')],
    expire: ['k', ({ cache }) => cache.expire('k')],
    invalidateTag: ['t', ({ cache }) => cache.invalidateTag('t')],
    clear: [undefined, ({ cache }) => cache.clear()],
    set: ['k', ({ cache }) => cache.set('k', 'v')],
  }

  test.each(Object.entries(changes))('of a %s is not what L2 failed to do', async (_, [key, change]) => {
    await using stage = new BusStage()
    const { troubles, whats, hooks } = listener()
    const node = await stage.node(hooks)
    node.bus.disconnect()
    await stage.settle()
    whats()
    expect(await change(node)).toMatchObject({ l2: 'queued' })
    expect(troubles).toEqual([
      {
        ...{ type: 'trouble', cache: 'shop', what: 'bus.refused', key, server: 'memory' },
        error: expect.objectContaining({ code: 'bus_unavailable' }),
      },
    ])
    expect(node.cache.stats()).toMatchObject({ l2Errors: 0, l2WriteFailures: 0 })
  })

  test('is told of beside L2 where both failed, and in the name of the namespace', async () => {
    await using stage = new BusStage()
    const { troubles, hooks } = listener()
    const servers = [0, 1].map(() => memoryServer({ clock: stage.clock, schedule: queueMicrotask }))
    const parted = partedMemoryStore(servers)
    const { cache, bus } = await stage.node({ ...hooks, decorateStore: () => parted })
    const inner = cache.namespace('inner')
    const [near = '', far = ''] = [0, 1].map((part) => ['a', 'b'].find((key) => parted.partOf(key) === part))
    servers[1]?.connections[0]?.disconnect()
    const told = async (key: string) => {
      await inner.delete(key)
      return troubles.splice(0).map(({ cache: name, what }) => `${name}: ${what}`)
    }
    troubles.splice(0)
    expect(await told(far)).toEqual(['shop/inner: l2.write_failed'])
    bus.disconnect()
    await stage.settle()
    troubles.splice(0)
    expect((await told(far)).toSorted()).toEqual(['shop/inner: bus.refused', 'shop/inner: l2.write_failed'])
    // What is owed to the other server is not what became of this one.
    expect(await told(near)).toEqual(['shop/inner: bus.refused'])
  })
})
