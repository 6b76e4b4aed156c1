/** The network to Redis is slow: each reply takes long, or bytes trickle. */
import {
  type FaultProxy,
  pause,
  percentile,
  type RedisServer,
  startFaultProxy,
  startRedis,
} from '@holdfast/testkit'
import type { Cache, CacheOptions } from 'holdfast'
import { systemClock } from 'holdfast/contracts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { inUseAgain, openCache } from '../testing/open-cache.ts'
import { answerBoundMs, overrunMs, SLACK_MS } from '../testing/overrun.ts'

const LOADER_MS = 30

let server: RedisServer
let proxy: FaultProxy
beforeEach(async () => {
  server = await startRedis()
  proxy = await startFaultProxy(server)
})
afterEach(async () => {
  await proxy.close()
  await server.stop()
})

const open = (options: Partial<CacheOptions>): Promise<Cache> =>
  openCache(`redis://127.0.0.1:${proxy.port}`, options)
const load = async (): Promise<string> => {
  await pause(LOADER_MS)
  return 'loaded'
}

describe('F10: each reply takes 200 ms', () => {
  const TRIP_MS = 200
  // What a call does besides waiting for replies.
  const OWN_MS = 20

  test('a hit in L1 waits for none of them', async () => {
    await using cache = await open({})
    await cache.set('k', 'held')
    proxy.inject({ delayMs: TRIP_MS })
    const tookMs: number[] = []
    const untilMs = systemClock.now() + 1500
    while (systemClock.now() < untilMs) {
      const startMs = systemClock.now()
      expect(await cache.getOrSet('k', load)).toBe('held')
      tookMs.push(systemClock.now() - startMs)
      await pause(1)
    }
    const p99Ms = percentile(tookMs, 0.99)
    console.log(`F10: p99 ${p99Ms.toFixed(3)} ms of ${tookMs.length} hits in L1 (bound: 5 ms)`)
    expect(p99Ms).toBeLessThan(5)
    expect(cache.stats().misses.cold).toBe(0)
  })

  test('a cold key costs two trips before its loader, and one after; an L2 hit, a write and a delete one', async () => {
    await using writer = await openCache(server.url)
    await writer.set('stored', 'held')
    await using cache = await open({ l2Timeout: '5s' })
    // The tokens of the namespace are asked for once.
    await cache.set('first', 1)
    proxy.inject({ delayMs: TRIP_MS })
    const trips = async (work: () => Promise<unknown>): Promise<number> => {
      const startMs = systemClock.now()
      const overMs = await overrunMs(3 * TRIP_MS, work)
      // Where the machine is late, so is the plain timer, and the difference says how many trips it was.
      return (Math.min(systemClock.now() - startMs, 3 * TRIP_MS + overMs) - OWN_MS) / TRIP_MS
    }
    const begun = Promise.withResolvers<void>()
    let cold: Promise<unknown> = Promise.resolve()
    const beforeLoader = await trips(() => {
      cold = cache.getOrSet('cold', () => {
        begun.resolve()
        return 'loaded'
      })
      return begun.promise
    })
    const afterLoader = await trips(() => cold)
    const hit = await trips(async () => expect(await cache.get('stored')).toBe('held'))
    const write = await trips(() => cache.set('written', 1, { tags: ['a', 'b', 'c'] }))
    const removed = await trips(() => cache.delete('stored'))
    const tagged = await trips(() => cache.invalidateTags(['a', 'b']))
    const counted = { beforeLoader, afterLoader, hit, write, removed, tagged }
    console.log(
      'F10: trips',
      JSON.stringify(counted, (_, value) => (typeof value === 'number' ? Number(value.toFixed(2)) : value)),
    )
    expect(beforeLoader).toBeLessThan(2 + SLACK_MS / TRIP_MS)
    for (const one of [afterLoader, hit, write, removed, tagged])
      expect(one).toBeLessThan(1 + SLACK_MS / TRIP_MS)
  })

  test('by default all of it is bounded: each call answers in time', async () => {
    await using cache = await open({})
    proxy.inject({ delayMs: TRIP_MS })
    const overruns: number[] = []
    for (let i = 0; i < 10; i++) {
      overruns.push(await overrunMs(answerBoundMs(LOADER_MS), () => cache.getOrSet(`cold ${i}`, load)))
    }
    expect(Math.max(...overruns)).toBeLessThan(SLACK_MS)
  })
})

describe('F16: 1 Mbit a second, and a value of 20 MB', () => {
  const BYTES_PER_SECOND = 125_000
  const L2_TIMEOUT_MS = 250
  // Copying, freezing and encoding 20 MB is no wait: a fifth of a second and more on a busy machine.
  const ENCODING_MS = 500
  const big = 'x'.repeat(20_000_000)
  const keys = Array.from({ length: 50 }, (_, i) => `k${i}`)

  /** How much later than l2Timeout reads of other keys are, one every few milliseconds, while this work goes on. */
  async function readsDuring(cache: Cache, work: () => Promise<unknown>): Promise<readonly number[]> {
    const overruns: number[] = []
    const read = async (key: string): Promise<void> => {
      expect(await cache.getOrSet(key, () => `value of ${key}`)).toBe(`value of ${key}`)
    }
    const reading = async (): Promise<void> => {
      const untilMs = systemClock.now() + 1500
      for (let i = 0; systemClock.now() < untilMs; i++) {
        overruns.push(await overrunMs(L2_TIMEOUT_MS, () => read(keys[i % keys.length] ?? '')))
        await pause(5)
      }
    }
    await Promise.all([work(), reading()])
    return overruns
  }

  async function openOver(options: Partial<CacheOptions>): Promise<Cache> {
    const cache = await open({ l1: false, ...options })
    for (const key of keys) await cache.set(key, `value of ${key}`)
    proxy.inject({ bytesPerSecond: BYTES_PER_SECOND })
    return cache
  }

  test('by default it is refused, or answered and not stored; other keys stay hits in L2, p99 within l2Timeout', async () => {
    await using cache = await openOver({})
    const overruns = await readsDuring(cache, async () => {
      await expect(cache.set('big', big)).rejects.toMatchObject({ code: 'value_too_large' })
      expect((await cache.getOrSet('big', () => big)).length).toBe(big.length)
    })
    const p99Ms = L2_TIMEOUT_MS + percentile(overruns, 0.99)
    console.log(`F16: p99 ${p99Ms.toFixed(0)} ms of other keys (bound: ${L2_TIMEOUT_MS} ms)`)
    expect(p99Ms).toBeLessThan(L2_TIMEOUT_MS + SLACK_MS)
    // One load is that of the big value itself.
    expect(cache.stats().loads).toBe(1)
  })

  test('where it is allowed, the write is given up in time; other keys keep their bound, and L2 is used again', async () => {
    await using cache = await openOver({ maxValueBytes: '32mb' })
    const writing = async (): Promise<void> => {
      const overMs = await overrunMs(answerBoundMs(ENCODING_MS), async () => {
        expect(await cache.set('big', big)).toEqual({ l2: 'queued', stored: false })
      })
      expect(overMs).toBeLessThan(SLACK_MS)
    }
    const overruns = await readsDuring(cache, writing)
    const worstMs = L2_TIMEOUT_MS + Math.max(...overruns)
    console.log(`F16: other keys beside the write took at most ${worstMs.toFixed(0)} ms`)
    expect(worstMs).toBeLessThan(answerBoundMs(0) + SLACK_MS)
    await inUseAgain(cache)
    const { loads } = cache.stats()
    for (const key of keys) expect(await cache.getOrSet(key, () => 'loaded again')).toBe(`value of ${key}`)
    expect(cache.stats().loads).toBe(loads)
  })
})
