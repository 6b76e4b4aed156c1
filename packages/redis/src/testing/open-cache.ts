import { until } from '@holdfast/testkit'
import { type Cache, type CacheOptions, createCache, type Logger } from 'holdfast'
import { redis } from '../redis.ts'

/** For tests whose trouble is made on purpose: warnings would only hide others. */
export const SILENT: Logger = { info: () => undefined, warn: () => undefined }

/** A cache over Redis with nothing to say, whether the server is there or not. */
export function cacheOver(url: string, options: Partial<CacheOptions> = {}): Cache {
  return createCache({ name: 'faults', l2: redis(url), logger: SILENT, ...options })
}

/** The same, once it uses Redis. */
export async function openCache(url: string, options: Partial<CacheOptions> = {}): Promise<Cache> {
  const cache = cacheOver(url, options)
  await inUseAgain(cache)
  return cache
}

/** Resolves once a cache uses Redis. */
export async function inUseAgain(cache: Cache): Promise<void> {
  await until('the shared tier is in use', () => cache.stats().l2.online)
}
