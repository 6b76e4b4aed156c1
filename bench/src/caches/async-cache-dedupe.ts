import { createCache } from 'async-cache-dedupe'
import { Redis } from 'ioredis'
import type { CacheSetup, OpenCache } from './contender.ts'

/** async-cache-dedupe: one tier, and lives of whole seconds. Redis where both tiers are wanted. */
export const openAsyncCacheDedupe: OpenCache = async (setup) => {
  const { ttlMs, swrMs, load } = setup
  const cache = createCache({
    ttl: Math.ceil(ttlMs / 1000),
    stale: Math.ceil((swrMs ?? 0) / 1000),
    storage: await storageOf(setup),
  }).define('product', load)
  return { getOrSet: (key) => cache.product(key) }
}

async function storageOf({ url, tiers }: CacheSetup) {
  if (tiers === 'l1') return { type: 'memory' as const, options: { size: 100_000 } }
  const client = new Redis(url)
  await client.ping()
  return { type: 'redis' as const, options: { client } }
}
