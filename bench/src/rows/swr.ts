import type { CacheContender } from '../caches/contender.ts'
import { openCache } from '../caches/open-cache.ts'
import { nowMs, pause } from '../clock.ts'
import { checkProduct, keysOf, productOf } from '../product.ts'
import type { Row } from '../row.ts'
import { median, quantile } from '../statistics.ts'
import { bounded } from '../targets.ts'

const LOAD_MS = 50
// One peer counts in whole seconds.
const TTL_MS = 2000
// Refreshes that begin late are still counted.
const SETTLE_MS = 4 * LOAD_MS
const WARM_UP_ROUNDS = 5

/** Many callers of one key that has just expired, and may be served stale. */
export const swrRow: Row = {
  name: 'swr',
  title: 'expired key with swr, 500 callers at once, no L1, 50 ms loader',
  contenders: ['holdfast', 'bentocache', 'async-cache-dedupe', 'cachified', 'cacheable', 'by hand'],
  metrics: [
    { name: 'p99Ms', title: "callers' p99, ms", better: 'less', digits: 1 },
    { name: 'hitP99Ms', title: 'p99 of a fresh hit, ms', better: 'less', digits: 1 },
    { name: 'timesHit', title: 'stale p99 / fresh p99', better: 'less', digits: 2 },
    { name: 'refreshes', title: 'refreshes', better: 'less', digits: 0 },
  ],
  targets: [
    bounded('refreshes', 1, '1 refresh'),
    bounded('timesHit', 1.5, "callers' p99 like that of an L2 hit (≤ 1.5 ×)"),
  ],
  async measure(contender, { url, effort }) {
    const loads = new Map<string, number>()
    const cache = await openCache(contender, {
      url,
      tiers: 'l2',
      ttlMs: TTL_MS,
      swrMs: 60_000,
      async load(key) {
        const count = (loads.get(key) ?? 0) + 1
        loads.set(key, count)
        // The first fills the cache; it is not what is measured.
        if (count > 1) await pause(LOAD_MS)
        return productOf(key, count)
      },
    })
    await playRounds(cache, keysOf(WARM_UP_ROUNDS, 'warm-up'), effort.swrCallers)
    const keys = keysOf(effort.rounds, 'expiring')
    const { fresh, stale } = await playRounds(cache, keys, effort.swrCallers)
    const hitP99Ms = median(fresh)
    const p99Ms = median(stale)
    const refreshes = Math.max(...keys.map((key) => (loads.get(key) ?? 0) - 1))
    return { p99Ms, hitP99Ms, timesHit: p99Ms / hitP99Ms, refreshes }
  },
}

/**
 * For each key the callers' p99 while it is fresh, and once it has expired. Both are asked at one pace, after a rest: a
 * process that comes out of a rest answers more slowly than one that is busy.
 */
async function playRounds(
  cache: CacheContender,
  keys: readonly string[],
  callers: number,
): Promise<{ readonly fresh: readonly number[]; readonly stale: readonly number[] }> {
  const fresh: number[] = []
  const stale: number[] = []
  let filledAt = 0
  for (const key of keys) {
    await cache.getOrSet(key)
    filledAt = nowMs()
    await pause(SETTLE_MS)
    fresh.push(await callAtOnce(cache, key, callers))
  }
  await pause(filledAt + TTL_MS + LOAD_MS - nowMs())
  for (const key of keys) {
    stale.push(await callAtOnce(cache, key, callers))
    await pause(SETTLE_MS)
  }
  return { fresh, stale }
}

/** The wait that 99 of 100 callers of one key stay within, in milliseconds. */
async function callAtOnce(cache: CacheContender, key: string, callers: number): Promise<number> {
  const call = async (): Promise<number> => {
    const startedAt = nowMs()
    checkProduct(await cache.getOrSet(key), key)
    return nowMs() - startedAt
  }
  return quantile(await Promise.all(Array.from({ length: callers }, call)), 0.99)
}
