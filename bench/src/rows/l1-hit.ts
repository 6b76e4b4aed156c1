import type { CacheContender } from '../caches/contender.ts'
import { openCache } from '../caches/open-cache.ts'
import { nowMs, pause } from '../clock.ts'
import { keysOf, productOf } from '../product.ts'
import type { Row } from '../row.ts'
import { timesBest, timesPeer } from '../targets.ts'

/** Awaited getOrSet that finds its object in L1. */
export const l1HitRow: Row = {
  name: 'l1-hit',
  title: 'L1 hit, awaited getOrSet, one caller, 1,000 keys',
  contenders: [
    'holdfast',
    'holdfast, tracked',
    'async Map',
    'bentocache',
    'bentocache, sharing',
    'cacheable',
    'cache-manager',
    'layered-loader',
    'async-cache-dedupe',
    'cachified',
  ],
  metrics: [
    { name: 'opsPerSecond', title: 'calls/s', better: 'more', digits: 0 },
    { name: 'nanos', title: 'ns/call', better: 'less', digits: 0 },
    { name: 'cpuMicros', title: 'CPU µs/call', better: 'less', digits: 3 },
  ],
  targets: [
    timesPeer('nanos', 'holdfast', 'async Map', 1.2, '≤ 1.2 × an async function over a Map'),
    timesPeer(
      'nanos',
      'holdfast, tracked',
      'async Map',
      1.2,
      'tracked with L2: ≤ 1.2 × an async function over a Map',
    ),
    timesBest('opsPerSecond', 'holdfast', ['bentocache'], 10),
    timesBest('opsPerSecond', 'holdfast', ['cacheable'], 25),
  ],
  async measure(contender, { url, effort }) {
    let loads = 0
    const cache = await openCache(contender, {
      url,
      tiers: 'l1',
      ttlMs: 600_000,
      async load(key) {
        loads++
        return productOf(key)
      },
    })
    const keys = keysOf(1000)
    for (const key of keys) await cache.getOrSet(key)
    await hitFor(cache, keys, effort.warmUpMs)
    const cpuBefore = process.cpuUsage()
    const { calls, ms } = await hitFor(cache, keys, effort.measureMs)
    const cpu = process.cpuUsage(cpuBefore)
    if (loads !== keys.length) throw new Error(`${loads} loads of ${keys.length} keys: these were no hits`)
    return {
      opsPerSecond: (calls / ms) * 1000,
      nanos: (ms * 1e6) / calls,
      cpuMicros: (cpu.user + cpu.system) / calls,
    }
  },
}

/** Goes round the keys. The event loop turns in between, as a server's does: heartbeats and timers need it. */
async function hitFor(
  cache: CacheContender,
  keys: readonly string[],
  forMs: number,
): Promise<{ calls: number; ms: number }> {
  const expected = keys.reduce((total, key) => total + productOf(key).stock, 0)
  let calls = 0
  let ms = 0
  while (ms < forMs) {
    const startedAt = nowMs()
    const stock = await hitAll(cache, keys)
    ms += nowMs() - startedAt
    calls += keys.length
    if (stock !== expected) throw new Error(`a wrong answer: a stock of ${stock}, not ${expected}`)
    await pause(0)
  }
  return { calls, ms }
}

/** Uses each answer, so that no call can be left out as useless. */
async function hitAll(cache: CacheContender, keys: readonly string[]): Promise<number> {
  let stock = 0
  for (const key of keys) stock += (await cache.getOrSet(key))?.stock ?? Number.NaN
  return stock
}
