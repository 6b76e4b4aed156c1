import { openCache } from '../caches/open-cache.ts'
import { nowMs } from '../clock.ts'
import { checkProduct, keysOf, productOf } from '../product.ts'
import { openCounters } from '../redis-counters.ts'
import type { Effort, Row } from '../row.ts'
import { bounded } from '../targets.ts'

const SET_AT_ONCE = 500
// Small tags invalidated before: compilers warm up, and connections are in use.
const WARM_UP_TAGS = 100
// A million keys take the slowest contender minutes to set.
const RUN_MS_MAX = 900_000

/** invalidateTag of one tag over many keys, and over a hundred times as many: it should make no difference. */
export const invalidateTagRows: readonly Row[] = [
  invalidateTag('invalidate-tag', '10,000 keys', 'both', ({ taggedKeys }) => taggedKeys),
  invalidateTag(
    'invalidate-tag-many',
    '1,000,000 keys (100,000 with --quick), no L1',
    'l2',
    ({ manyTaggedKeys }) => manyTaggedKeys,
  ),
]

function invalidateTag(
  name: string,
  over: string,
  tiers: 'both' | 'l2',
  sizeOf: (effort: Effort) => number,
): Row {
  return {
    name,
    title: `invalidate one tag over ${over}`,
    contenders: ['holdfast', 'by hand', 'bentocache', 'cacheable'],
    metrics: [
      { name: 'ms', title: 'ms', better: 'less', digits: 2 },
      { name: 'commands', title: 'commands', better: 'less', digits: 0 },
    ],
    targets: [bounded('ms', 1, '≤ 1 ms'), bounded('commands', 2, '≤ 2 commands')],
    runMsMax: RUN_MS_MAX,
    async measure(contender, { url, effort }) {
      let loads = 0
      const cache = await openCache(contender, {
        url,
        tiers,
        ttlMs: 3_600_000,
        async load(key) {
          loads++
          return productOf(key, 2)
        },
      })
      const { set, invalidateTag: invalidate } = cache
      if (set === undefined || invalidate === undefined) throw new Error('this library has no tags')
      for (let i = 0; i < WARM_UP_TAGS; i++) {
        await set(`warm-up:${i}`, productOf(`warm-up:${i}`), [`warm-up-${i}`])
        await invalidate(`warm-up-${i}`)
      }
      const keys = keysOf(sizeOf(effort))
      for (let i = 0; i < keys.length; i += SET_AT_ONCE) {
        await Promise.all(keys.slice(i, i + SET_AT_ONCE).map((key) => set(key, productOf(key), ['bulk'])))
      }
      const look = await openCounters(url)
      const before = await look()
      const startedAt = nowMs()
      await invalidate('bulk')
      const ms = nowMs() - startedAt
      const commands = (await look()).commands - before.commands
      const samples = [keys.at(0), keys.at(keys.length / 2), keys.at(-1)].filter((key) => key !== undefined)
      for (const key of samples) checkProduct(await cache.getOrSet(key), key)
      if (loads !== samples.length) throw new Error(`${loads} of ${samples.length} keys were invalidated`)
      return { ms, commands }
    },
  }
}
