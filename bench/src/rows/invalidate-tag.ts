import { openCache } from '../caches/open-cache.ts'
import { nowMs } from '../clock.ts'
import { checkProduct, keysOf, productOf } from '../product.ts'
import { openCounters } from '../redis-counters.ts'
import type { Row } from '../row.ts'
import { bounded } from '../targets.ts'

const SET_AT_ONCE = 500
// Small tags invalidated before: compilers warm up, and connections are in use.
const WARM_UP_TAGS = 100

/** invalidateTag of one tag over many keys. */
export const invalidateTagRow: Row = {
  name: 'invalidate-tag',
  title: 'invalidate one tag over 10,000 keys',
  contenders: ['holdfast', 'by hand', 'bentocache', 'cacheable'],
  metrics: [
    { name: 'ms', title: 'ms', better: 'less', digits: 2 },
    { name: 'commands', title: 'commands', better: 'less', digits: 0 },
  ],
  targets: [bounded('ms', 1, '≤ 1 ms'), bounded('commands', 2, '≤ 2 commands')],
  async measure(contender, { url, effort }) {
    let loads = 0
    const cache = await openCache(contender, {
      url,
      tiers: 'both',
      ttlMs: 600_000,
      async load(key) {
        loads++
        return productOf(key, 2)
      },
    })
    const { set, invalidateTag } = cache
    if (set === undefined || invalidateTag === undefined) throw new Error('this library has no tags')
    for (let i = 0; i < WARM_UP_TAGS; i++) {
      await set(`warm-up:${i}`, productOf(`warm-up:${i}`), [`warm-up-${i}`])
      await invalidateTag(`warm-up-${i}`)
    }
    const keys = keysOf(effort.taggedKeys)
    for (let i = 0; i < keys.length; i += SET_AT_ONCE) {
      await Promise.all(keys.slice(i, i + SET_AT_ONCE).map((key) => set(key, productOf(key), ['bulk'])))
    }
    const look = await openCounters(url)
    const before = await look()
    const startedAt = nowMs()
    await invalidateTag('bulk')
    const ms = nowMs() - startedAt
    const commands = (await look()).commands - before.commands
    const samples = [keys.at(0), keys.at(keys.length / 2), keys.at(-1)].filter((key) => key !== undefined)
    for (const key of samples) checkProduct(await cache.getOrSet(key), key)
    if (loads !== samples.length) throw new Error(`${loads} of ${samples.length} keys were invalidated`)
    return { ms, commands }
  },
}
