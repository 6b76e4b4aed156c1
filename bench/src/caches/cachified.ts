import { type Cache, type CacheEntry, cachified, totalTtl } from '@epic-web/cachified'
import { Redis } from 'ioredis'
import type { CacheSetup, OpenCache } from './contender.ts'

/** @epic-web/cachified brings no store: a Map, or JSON on ioredis. Redis where both tiers are wanted. */
export const openCachified: OpenCache = async (setup) => {
  const { ttlMs, swrMs, load } = setup
  const cache = await storeOf(setup)
  const windows = { ttl: ttlMs, ...(swrMs === undefined ? {} : { swr: swrMs }) }
  return { getOrSet: (key) => cachified({ key, cache, ...windows, getFreshValue: () => load(key) }) }
}

async function storeOf({ url, tiers }: CacheSetup): Promise<Cache> {
  if (tiers === 'l1') return new Map<string, CacheEntry>()
  const client = new Redis(url)
  await client.ping()
  return {
    async get(key) {
      const text = await client.get(key)
      return text === null ? null : JSON.parse(text)
    },
    async set(key, entry) {
      await client.set(key, JSON.stringify(entry), 'PX', totalTtl(entry.metadata))
    },
    async delete(key) {
      await client.unlink(key)
    },
  }
}
