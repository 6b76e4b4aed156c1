import { until } from '@holdfast/testkit'
import { type Cache, type CacheOptions, createCache } from 'holdfast'
import { redis } from '../redis.ts'

/** Where a cache keeps its values. */
export const TIERS = ['L1 alone', 'L1 and Redis', 'Redis alone'] as const
export type Tiers = (typeof TIERS)[number]

/** Opens a cache with these tiers, with all of them in use. */
export async function openTiers(
  tiers: Tiers,
  url: string,
  options: Partial<CacheOptions> = {},
): Promise<Cache> {
  if (tiers === 'L1 alone') return createCache({ name: 'inputs', ...options })
  const l1 = tiers === 'Redis alone' ? ({ l1: false } as const) : {}
  const cache = createCache({ name: 'inputs', l2: redis(url), l2Timeout: '10s', ...l1, ...options })
  await inUse(cache, tiers)
  return cache
}

/** Resolves once a namespace of such a cache uses all of its tiers. */
export async function inUse(namespace: Cache, tiers: Tiers): Promise<void> {
  if (tiers !== 'L1 alone') await until('the shared tier is in use', () => namespace.stats().l2.online)
}
