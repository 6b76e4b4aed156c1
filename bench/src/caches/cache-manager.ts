import { createKeyv } from '@keyv/redis'
import { createCache } from 'cache-manager'
import { Keyv } from 'keyv'
import type { OpenCache } from './contender.ts'

/** cache-manager over Keyv stores. */
export const openCacheManager: OpenCache = async ({ url, tiers, ttlMs, load }) => {
  const stores = [...(tiers === 'l2' ? [] : [new Keyv()]), ...(tiers === 'l1' ? [] : [createKeyv(url)])]
  const cache = createCache({ stores, ttl: ttlMs })
  await cache.get('the first call waits for the connection')
  return { getOrSet: (key) => cache.wrap(key, () => load(key)) }
}
