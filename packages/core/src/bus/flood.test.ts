/** 50,000 messages a second (F21): the event loop goes on, and what is too much puts L1 in doubt. */
import { memoryServer, memoryStore, withoutPush } from '@holdfast/testkit'
import { expect, test } from 'vitest'
import type { Cache } from '../cache.ts'
import { systemClock } from '../clock.ts'
import type { Bus, BusListener } from '../contracts.ts'
import { createCache } from '../create-cache.ts'
import { ChangesWriter } from './write-frame.ts'

const MESSAGES_PER_S = 50_000
const FLOOD_MS = 1_500
const TICK_MS = 5
const HELD_MS_MAX = 50
// As in peers.ts.
const PUBLISHERS_MAX = 4096

/** A bus whose frames a test hands over itself; what the cache publishes comes back at once. */
function handedBus(): { bus: Bus; listener: () => BusListener | undefined } {
  let listener: BusListener | undefined
  const bus: Bus = {
    open: (_, opened) => {
      listener = opened
      queueMicrotask(() => opened.connected())
      return {
        address: 'a test',
        publish: async (frame) => {
          const copy = Uint8Array.from(frame)
          queueMicrotask(() => opened.received(copy))
        },
        close: async () => undefined,
      }
    },
  }
  return { bus, listener: () => listener }
}

/** Word of one key a frame, as so many publishers would give it in turn. */
function makeFrames(count: number, publishers = 64): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const writer = new ChangesWriter(undefined)
    writer.add('shop', 'key', `user:${i % 5_000}`)
    const publisher = (i % publishers).toString(36).padStart(8)
    return writer.finish({ publisher, number: Math.floor(i / publishers) + 1, beat: 0 })
  })
}

/**
 * How long the thread was held between two turns in which timers could fire, 99 of 100, in its own processor time: what
 * other processes take of the machine meanwhile is not our doing.
 */
async function heldMs(during: () => Promise<void>): Promise<number> {
  const held: number[] = []
  let isOver = false
  const measuring = (async () => {
    let before = process.threadCpuUsage()
    while (!isOver) {
      await new Promise((resolve) => setTimeout(resolve, TICK_MS))
      const { user, system } = process.threadCpuUsage(before)
      before = process.threadCpuUsage()
      held.push((user + system) / 1000)
    }
  })()
  await during()
  isOver = true
  await measuring
  return held.sort((a, b) => a - b)[Math.floor(held.length * 0.99)] ?? 0
}

async function withCache(run: (cache: Cache, listener: BusListener) => Promise<void>): Promise<void> {
  const { bus, listener } = handedBus()
  await using cache = createCache({
    name: 'shop',
    l2: withoutPush(memoryStore(memoryServer({ clock: systemClock }))),
    l1: { mode: 'bus', bus },
  })
  for (let i = 0; i < 5_000; i += 500) {
    await cache.setMany(Array.from({ length: 500 }, (_, n) => [`user:${i + n}`, i + n] as const))
  }
  await expect.poll(() => cache.stats().bus.verified).toBe(true)
  const told = listener()
  if (told === undefined) throw new Error('the cache opened no bus')
  await run(cache, told)
}

/** How long the thread was held while the frames came in at an even pace. */
async function heldMsBy(frames: readonly Uint8Array[], listener: BusListener): Promise<number> {
  let sent = 0
  const start = performance.now()
  return await heldMs(async () => {
    while (sent < frames.length) {
      const due = Math.min(frames.length, ((performance.now() - start) / 1000) * MESSAGES_PER_S)
      for (; sent < due; sent++) listener.received(frames[sent] ?? Buffer.alloc(0))
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  })
}

test('at an even pace: all of it is heard, and timers are not kept waiting', async () => {
  await withCache(async (cache, listener) => {
    const frames = makeFrames((MESSAGES_PER_S * FLOOD_MS) / 1000)
    expect(await heldMsBy(frames, listener)).toBeLessThan(HELD_MS_MAX)
    await expect.poll(() => cache.stats().bus.received + cache.stats().bus.ignored).toBe(frames.length)
    expect(cache.stats().bus).toMatchObject({ publishers: 64, ignored: 0, doubts: { gap: 0, overflow: 0 } })
    // Each key was named, so nothing is left of them.
    expect(cache.stats().l1.entries).toBe(0)
  })
})

test.each([
  ['as many publishers as can be known', PUBLISHERS_MAX],
  ['ever new publishers', Number.MAX_SAFE_INTEGER],
])('by %s: timers are not kept waiting either', async (_, publishers) => {
  await withCache(async (cache, listener) => {
    const frames = makeFrames((MESSAGES_PER_S * FLOOD_MS) / 1000, publishers)
    expect(await heldMsBy(frames, listener)).toBeLessThan(HELD_MS_MAX)
    expect(cache.stats().bus.publishers).toBe(PUBLISHERS_MAX)
  })
})

test('a second of it at once: the event loop goes on, and L1 is in doubt', async () => {
  await withCache(async (cache, listener) => {
    const frames = makeFrames(MESSAGES_PER_S)
    const held = await heldMs(async () => {
      for (let burst = 0; burst < 3; burst++) {
        for (const frame of frames) listener.received(frame)
        expect(cache.stats().bus.verified).toBe(false)
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    })
    expect(held).toBeLessThan(HELD_MS_MAX)
    expect(cache.stats().bus.doubts.overflow).toBeGreaterThan(0)
    // Afterwards it is as it was. Who spoke in the flood and never again has vanished by then.
    await expect.poll(() => cache.stats().bus.verified, { timeout: 5_000 }).toBe(true)
    await cache.set('user:1', 'v')
    expect(await cache.get('user:1')).toBe('v')
  })
})
