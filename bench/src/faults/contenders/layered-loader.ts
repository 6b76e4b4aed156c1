import type { Redis } from 'ioredis'
import { createNotificationPair, Loader, RedisCache } from 'layered-loader'
import type { CacheSetup, FaultedCache, OpenFaulted } from '../contender.ts'
import type { Item } from '../source.ts'
import { openPatient, openPatientBus, openPlain } from './patient-ioredis.ts'

const ITEMS_MAX = 100_000

/** layered-loader with its handlers of errors, on a client that does not wait. */
export const openLayeredLoader: OpenFaulted = (setup) => openOn(openPatient(setup.url, setup.tell), setup)

/** As its guide begins. */
export const openLayeredLoaderByGuide: OpenFaulted = (setup) =>
  openOn(openPlain(setup.url, setup.tell), { ...setup, hasBus: false })

function openOn(client: Redis, setup: CacheSetup): FaultedCache {
  const { ttlMs, load, tell } = setup
  const loader = new Loader<Item>({
    inMemoryCache: { cacheType: 'lru-map', ttlInMsecs: ttlMs, maxItems: ITEMS_MAX },
    asyncCache: new RedisCache<Item>(client, { json: true, ttlInMsecs: ttlMs, prefix: 'faults' }),
    dataSourceGetOneFn: load,
    cacheUpdateErrorHandler: tell,
    loadErrorHandler: tell,
    ...notificationsOf(setup),
  })
  return {
    getOrSet: (key) => loader.get(key),
    delete: (key) => loader.invalidateCacheFor(key),
  }
}

function notificationsOf({ url, hasBus, tell }: CacheSetup) {
  if (!hasBus) return {}
  const { publisher, consumer } = createNotificationPair<Item>({
    channel: 'faults',
    consumerRedis: openPatientBus(url, tell),
    publisherRedis: openPatientBus(url, tell),
    errorHandler: tell,
  })
  return { notificationConsumer: consumer, notificationPublisher: publisher }
}
