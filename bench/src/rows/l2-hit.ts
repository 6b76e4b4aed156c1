import type { CacheContender } from '../caches/contender.ts'
import { openCache } from '../caches/open-cache.ts'
import { keepInFlight } from '../keep-in-flight.ts'
import { checkProduct, keyAt, keysOf, productOf } from '../product.ts'
import type { Row } from '../row.ts'
import { timesBest } from '../targets.ts'

const CALLERS = 64
const FILL_PASSES_MAX = 5

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
    await fill(cache, keys, () => loads)
    const filledBy = loads
    const numbers = await keepInFlight(CALLERS, effort, async (caller, turn) => {
      const key = keyAt(keys, caller, turn)
      checkProduct(await cache.getOrSet(key), key)
    })
    if (loads !== filledBy) throw new Error(`${loads - filledBy} loads: these were no hits`)
    return numbers
  },
}

/** Reads every key until none is loaded: on a busy machine a fill may come too late, and be refused. */
async function fill(cache: CacheContender, keys: readonly string[], loads: () => number): Promise<void> {
  for (let pass = 1; pass <= FILL_PASSES_MAX; pass++) {
    const before = loads()
    for (let i = 0; i < keys.length; i += CALLERS) {
      await Promise.all(keys.slice(i, i + CALLERS).map((key) => cache.getOrSet(key)))
    }
    if (loads() === before) return
  }
  throw new Error(`keys are still loaded in pass ${FILL_PASSES_MAX}`)
}
