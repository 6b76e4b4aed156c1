import { Redis } from 'ioredis'
import { Loader, RedisCache } from 'layered-loader'
import type { Product } from '../product.ts'
import type { OpenCache } from './contender.ts'

/** layered-loader: the source is named once, not per call. */
export const openLayeredLoader: OpenCache = async ({ url, tiers, ttlMs, load }) => {
  const client = tiers === 'l1' ? undefined : new Redis(url)
  await client?.ping()
  const loader = new Loader<Product>({
    ...(tiers === 'l2'
      ? {}
      : { inMemoryCache: { cacheType: 'lru-map' as const, ttlInMsecs: ttlMs, maxItems: 100_000 } }),
    ...(client === undefined
      ? {}
      : { asyncCache: new RedisCache<Product>(client, { json: true, ttlInMsecs: ttlMs, prefix: 'bench' }) }),
    dataSourceGetOneFn: load,
  })
  return { getOrSet: (key) => loader.get(key) }
}
