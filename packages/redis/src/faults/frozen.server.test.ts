/** Redis is there and silent: its process is stopped, or the network between swallows everything. */
import {
  type FaultProxy,
  pause,
  percentile,
  type RedisServer,
  startFaultProxy,
  startRedis,
  until,
} from '@holdfast/testkit'
import type { Cache } from 'holdfast'
import { systemClock } from 'holdfast/contracts'
import { describe, expect, test } from 'vitest'
import { LONG, LONG_TEST_MS } from '../testing/long.ts'
import { inUseAgain, openCache } from '../testing/open-cache.ts'
import { answerBoundMs, overrunMs, SLACK_MS } from '../testing/overrun.ts'

const LOADER_MS = 30

const load = async ({ key }: { readonly key: string }): Promise<string> => {
  await pause(LOADER_MS)
  return `value of ${key}`
}

/** Calls for cold keys and for keys of L2, five at a time, until `untilMs`: how much later than its bound each was. */
async function callOn(cache: Cache, untilMs: number): Promise<readonly number[]> {
  const overruns: number[] = []
  const call = (key: string): Promise<number> =>
    overrunMs(answerBoundMs(LOADER_MS), async () => {
      expect(await cache.getOrSet(key, load)).toBe(`value of ${key}`)
    })
  for (let i = 0; systemClock.now() < untilMs; i++) {
    const keys = [`cold ${i}`, `colder ${i}`, `coldest ${i}`, `stored ${i % 20}`, `stored ${(i + 1) % 20}`]
    overruns.push(...(await Promise.all(keys.map(call))))
    await pause(10)
  }
  return overruns
}

/** A server of one's own, which holds some values: tests run side by side, since each waits for most of its time. */
async function serverWithValues(): Promise<RedisServer> {
  const server = await startRedis()
  await using writer = await openCache(server.url)
  for (let i = 0; i < 20; i++) await writer.set(`stored ${i}`, `value of stored ${i}`)
  return server
}

describe('F8: Redis is stopped (SIGSTOP)', { timeout: LONG_TEST_MS }, () => {
  // Longer than a stalled connection is kept (1.25 s), and than one attempt to open another (1 s).
  const stops = LONG ? [500, 5000, 20_000] : [500, 3000]
  // Backoff: whatever came before, the next attempt to connect is at most this far away.
  const RETURN_MS = 1000

  test.concurrent.each(stops)(
    'for %i ms: every call keeps its bound, most wait for nothing, and it is used again in 1 s',
    async (ms) => {
      await using server = await serverWithValues()
      await using cache = await openCache(server.url, { l1: false })
      server.pause()
      const overruns = await callOn(cache, systemClock.now() + ms)
      server.resume()
      const returnMs = (await overrunMs(RETURN_MS, () => inUseAgain(cache))) + RETURN_MS
      const typicalMs = answerBoundMs(LOADER_MS) + percentile(overruns, 0.9)
      const worst = `worst call ${(answerBoundMs(LOADER_MS) + Math.max(...overruns)).toFixed(0)} ms`
      console.log(
        `F8: ${ms} ms: ${worst}, p90 ${typicalMs.toFixed(0)} ms, used again after ${returnMs.toFixed(0)} ms`,
      )
      expect(Math.max(...overruns)).toBeLessThan(SLACK_MS)
      expect(returnMs).toBeLessThan(RETURN_MS + SLACK_MS)
      // Once the breaker is open, nobody waits: five calls and the five that are counted with them at most.
      if (ms >= 3000) expect(typicalMs).toBeLessThan(5 + LOADER_MS + SLACK_MS)
      const { loads } = cache.stats()
      for (let i = 0; i < 20; i++) await cache.getOrSet(`stored ${i}`, load)
      expect(cache.stats().loads).toBe(loads)
    },
  )

  test.concurrent('late replies are dropped: each later call has its own answer', async () => {
    await using server = await serverWithValues()
    await using cache = await openCache(server.url, { l1: false, l2Timeout: '40ms' })
    for (let round = 0; round < 5; round++) {
      server.pause()
      // Sent, given up, and answered only when nobody waits any more.
      const late = Array.from({ length: 20 }, (_, i) => cache.get(`stored ${i}`))
      expect(await Promise.all(late)).toEqual(Array(20).fill(undefined))
      server.resume()
      await inUseAgain(cache)
      const own = Array.from({ length: 20 }, (_, i) => cache.getOrSet(`stored ${19 - i}`, load))
      expect(await Promise.all(own)).toEqual(own.map((_, i) => `value of stored ${19 - i}`))
    }
  })

  test.concurrent('the bound is that of l2Timeout: with a longer one it is missed', async () => {
    await using server = await startRedis()
    await using cache = await openCache(server.url, { l2Timeout: '600ms' })
    server.pause()
    const overMs = await overrunMs(answerBoundMs(LOADER_MS), () => cache.getOrSet('cold', load))
    expect(overMs).toBeGreaterThan(SLACK_MS)
    server.resume()
  })
})

describe('F13: the other end has vanished without a goodbye', () => {
  // stallMs and a heartbeat: silence is noticed after 2.3 s, in which no call waits for longer than its budget.
  const RECONNECT_MS = 5000

  async function onAnother(cache: Cache, proxy: FaultProxy): Promise<void> {
    await until('another connection is in use', () => proxy.accepted > 1 && cache.stats().l2.online)
  }

  test.concurrent('each call keeps its bound, and another connection is in use within 5 s', async () => {
    await using server = await serverWithValues()
    await using proxy = await startFaultProxy(server)
    await using cache = await openCache(`redis://127.0.0.1:${proxy.port}`, { l1: false })
    proxy.strand()
    const [overruns, overMs] = await Promise.all([
      callOn(cache, systemClock.now() + 2500),
      overrunMs(RECONNECT_MS, () => onAnother(cache, proxy)),
    ])
    console.log(`F13: on another connection after ${(RECONNECT_MS + overMs).toFixed(0)} ms`)
    expect(Math.max(...overruns)).toBeLessThan(SLACK_MS)
    expect(overMs).toBeLessThan(SLACK_MS)
    const { loads } = cache.stats()
    expect(await cache.getOrSet('stored 1', load)).toBe('value of stored 1')
    expect(cache.stats().loads).toBe(loads)
  })

  test.concurrent('so it is when nobody calls: heartbeats notice', async () => {
    await using server = await startRedis()
    await using proxy = await startFaultProxy(server)
    await using cache = await openCache(`redis://127.0.0.1:${proxy.port}`)
    proxy.strand()
    const overMs = await overrunMs(RECONNECT_MS, () => onAnother(cache, proxy))
    expect(overMs).toBeLessThan(SLACK_MS)
    expect(await cache.getOrSet('k', load)).toBe('value of k')
  })

  test.concurrent('a network that swallows everything costs no call more than its bound, and is used 5 s after it heals', async () => {
    await using server = await serverWithValues()
    await using proxy = await startFaultProxy(server)
    await using cache = await openCache(`redis://127.0.0.1:${proxy.port}`, { l1: false })
    proxy.inject({ blackhole: true })
    const overruns = await callOn(cache, systemClock.now() + 2000)
    expect(Math.max(...overruns)).toBeLessThan(SLACK_MS)
    proxy.heal()
    expect(await overrunMs(RECONNECT_MS, () => inUseAgain(cache))).toBeLessThan(SLACK_MS)
    const { loads } = cache.stats()
    expect(await cache.getOrSet('stored 1', load)).toBe('value of stored 1')
    expect(cache.stats().loads).toBe(loads)
  })
})
