import type { CacheContender, CacheSetup } from '../caches/contender.ts'
import { openCache } from '../caches/open-cache.ts'
import { keepInFlight } from '../keep-in-flight.ts'
import { checkProduct, keyAt, keysOf, productOf } from '../product.ts'
import { openCounters } from '../redis-counters.ts'
import type { Numbers, Row } from '../row.ts'
import { bounded } from '../targets.ts'

const CALLERS = 64
const COUNTED = 100

/** set of an entry with 3 tags, and the round trips that it and its later reads take. */
export const setTagsRow: Row = {
  name: 'set-tags',
  title: `set of 0.85 KB with 3 tags, ${CALLERS} callers; round trips of one caller, by Redis' own counters`,
  contenders: ['holdfast', 'by hand', 'bentocache', 'cacheable'],
  metrics: [
    { name: 'opsPerSecond', title: 'sets/s', better: 'more', digits: 0 },
    { name: 'cpuMicros', title: 'CPU µs/set', better: 'less', digits: 1 },
    { name: 'setTrips', title: 'trips/set', better: 'less', digits: 2 },
    { name: 'l1Trips', title: 'trips/L1 hit', better: 'less', digits: 2 },
    { name: 'firstTrips', title: 'trips/first L2 hit', better: 'less', digits: 2 },
    { name: 'l2Trips', title: 'trips/later L2 hit', better: 'less', digits: 2 },
  ],
  // A heartbeat may fall into the hundred calls that are counted.
  targets: [
    bounded('setTrips', 1.05, '1 trip a set'),
    bounded('l1Trips', 0.05, 'no command for an L1 hit'),
    bounded('l2Trips', 1.05, '1 trip an L2 hit'),
  ],
  async measure(contender, { url, effort }) {
    const setup: CacheSetup = {
      url,
      tiers: 'both',
      ttlMs: 600_000,
      load: (key) => Promise.reject(new Error(`${key} was set, and is not there`)),
    }
    const cache = await openCache(contender, setup)
    const keys = keysOf(effort.keys)
    const set = setterOf(cache)
    const pace = await keepInFlight(CALLERS, effort, (caller, turn) => set(keyAt(keys, caller, turn)))
    return { ...pace, ...(await countTrips(contender, cache, setup, url)) }
  },
}

function setterOf(cache: CacheContender): (key: string) => Promise<void> {
  const { set } = cache
  if (set === undefined) throw new Error('this library has no tags')
  return async (key) => {
    const product = productOf(key)
    await set(key, product, ['all', `shelf:${product.stock % 17}`, `stock:${product.stock}`])
  }
}

async function countTrips(
  contender: string,
  cache: CacheContender,
  setup: CacheSetup,
  url: string,
): Promise<Numbers> {
  const other = await openCache(contender, { ...setup, tiers: 'l2' })
  const look = await openCounters(url)
  const keys = keysOf(COUNTED, 'counted')
  const tripsOf = async (call: (key: string) => Promise<unknown>): Promise<number> => {
    const before = await look()
    for (const key of keys) await call(key)
    return ((await look()).trips - before.trips) / keys.length
  }
  const read = (from: CacheContender) => async (key: string) => checkProduct(await from.getOrSet(key), key)
  return {
    setTrips: await tripsOf(setterOf(cache)),
    l1Trips: await tripsOf(read(cache)),
    firstTrips: await tripsOf(read(other)),
    l2Trips: await tripsOf(read(other)),
  }
}
