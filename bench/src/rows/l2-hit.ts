import { openCache } from '../caches/open-cache.ts'
import { keepInFlight } from '../keep-in-flight.ts'
import { checkProduct, keyAt, keysOf, productOf } from '../product.ts'
import type { Row } from '../row.ts'
import { timesBest } from '../targets.ts'

const CALLERS = 64

/** getOrSet that finds its object in L2, end to end, without L1. */
export const l2HitRow: Row = {
  name: 'l2-hit',
  title: `L2 hit end to end, object of 0.85 KB, ${CALLERS} callers, no L1`,
  contenders: [
    'holdfast',
    'holdfast, missing in L1',
    'by hand',
    'by hand, auto-pipelining',
    'bentocache',
    'cacheable',
    'cache-manager',
    'layered-loader',
    'async-cache-dedupe',
    'cachified',
  ],
  metrics: [
    { name: 'opsPerSecond', title: 'calls/s', better: 'more', digits: 0 },
    { name: 'cpuMicros', title: 'CPU µs/call', better: 'less', digits: 1 },
  ],
  targets: [
    timesBest('opsPerSecond', 'holdfast', ['by hand', 'by hand, auto-pipelining'], 1.2),
    timesBest('opsPerSecond', 'holdfast', ['bentocache'], 2.2),
    timesBest('opsPerSecond', 'holdfast', ['cacheable'], 2.9),
  ],
  async measure(contender, { url, effort }) {
    let loads = 0
    const cache = await openCache(contender, {
      url,
      tiers: 'l2',
      ttlMs: 600_000,
      async load(key) {
        loads++
        return productOf(key)
      },
    })
    const keys = keysOf(effort.keys)
    await Promise.all(keys.map((key) => cache.getOrSet(key)))
    const numbers = await keepInFlight(CALLERS, effort, async (caller, turn) => {
      const key = keyAt(keys, caller, turn)
      checkProduct(await cache.getOrSet(key), key)
    })
    if (loads !== keys.length) throw new Error(`${loads} loads of ${keys.length} keys: these were no hits`)
    return numbers
  },
}
