import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { redisDriver } from 'bentocache/drivers/redis'
import { Redis } from 'ioredis'
import type { Product } from '../product.ts'
import type { CacheContender, CacheSetup, OpenCache } from './contender.ts'

/** Bentocache as its guide sets it up: its L1 keeps text. */
export const openBentocache: OpenCache = (setup) => openWith(setup, true)

/** With `serialize: false`, its L1 hands out the object itself, which callers can then change for each other. */
export const openBentocacheSharing: OpenCache = (setup) => openWith(setup, false)

async function openWith(setup: CacheSetup, serialize: boolean): Promise<CacheContender> {
  const { url, tiers, ttlMs, swrMs, load } = setup
  const store = bentostore()
  if (tiers !== 'l2') store.useL1Layer(memoryDriver({ maxItems: 100_000, serialize }))
  if (tiers !== 'l1') {
    const connection = new Redis(url)
    await connection.ping()
    store.useL2Layer(redisDriver({ connection }))
  }
  const bento = new BentoCache({
    default: 'bench',
    stores: { bench: store },
    ttl: ttlMs,
    ...(swrMs === undefined ? {} : { grace: swrMs, timeout: 0 }),
  })
  return {
    getOrSet: (key) => bento.getOrSet<Product>({ key, factory: () => load(key) }),
    set: (key, value, tags) => bento.set({ key, value, tags: [...tags] }),
    invalidateTag: (tag) => bento.deleteByTag({ tags: [tag] }),
  }
}
