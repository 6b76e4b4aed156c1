import { memcached } from '@holdfast/memcached'
import { redis } from '@holdfast/redis'
import { createCache, type L1Options, type StoreDefinition } from 'holdfast'
import type { CacheContender, CacheSetup, OpenCache } from './contender.ts'

/** Ours, with what its README shows. */
export const openHoldfast: OpenCache = (setup) => openWith(setup, { maxEntries: 100_000 })

/** Ours with a tracked L1 that never has the key: what a miss in L1 costs in front of an L2 hit. */
export const openHoldfastMissingL1: OpenCache = (setup) =>
  openWith({ ...setup, tiers: 'both' }, { maxEntries: 1 })

/** Ours with L1 tracked by the server, whatever the row's tiers. */
export const openHoldfastTracked: OpenCache = (setup) =>
  openWith({ ...setup, tiers: 'both' }, { maxEntries: 100_000 })

/** Ours on Memcached, with what its README shows. */
export const openHoldfastOnMemcached: OpenCache = (setup) =>
  openWith(setup, { maxEntries: 100_000 }, memcached(setup.url))

async function openWith(
  setup: CacheSetup,
  l1: L1Options,
  l2: StoreDefinition = redis(setup.url),
): Promise<CacheContender> {
  const { tiers, ttlMs, swrMs, load } = setup
  const cache = createCache({
    name: 'bench',
    l1: tiers === 'l2' ? false : l1,
    ...(tiers === 'l1' ? {} : { l2 }),
    ttl: ttlMs,
    swr: swrMs ?? false,
    jitter: 0,
    // The peers wait for ever. With our default of 250 ms, hits of a machine that is too busy would become loads.
    l2Timeout: '5s',
  })
  await cache.get('the first call waits for the connection')
  if (tiers !== 'l1' && !cache.stats().l2.online) throw new Error('L2 is not in use')
  return {
    getOrSet: (key) => cache.getOrSet(key, () => load(key)),
    set: (key, product, tags) => cache.set(key, product, { tags }),
    invalidateTag: (tag) => cache.invalidateTag(tag, { require: 'applied' }),
  }
}
