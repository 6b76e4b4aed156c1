import { createKeyv } from '@keyv/redis'
import { Cacheable } from 'cacheable'
import type { OpenCache } from './contender.ts'

/** Cacheable over @keyv/redis, with its own memory store in front where L1 is wanted. */
export const openCacheable: OpenCache = async ({ url, tiers, ttlMs, load }) => {
  const cache = new Cacheable({
    ttl: ttlMs,
    tags: true,
    ...(tiers === 'l2' ? { primary: createKeyv(url) } : {}),
    ...(tiers === 'both' ? { secondary: createKeyv(url) } : {}),
  })
  cache.on('error', (error: unknown) => {
    throw error
  })
  await cache.get('the first call waits for the connection')
  return {
    getOrSet: (key) => cache.getOrSet(key, () => load(key)),
    set: (key, product, tags) => cache.set(key, product, { tags: [...tags] }),
    invalidateTag: (tag) => cache.tags.invalidateTag(tag),
  }
}
