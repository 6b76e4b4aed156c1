import { memcachedRaces } from './memcached-races.ts'
import { MemcachedTier } from './memcached-tier.ts'
import { redisRaces } from './redis-races.ts'
import { RedisTier } from './redis-tier.ts'
import type { Races } from './scenario.ts'
import type { SharedTier, StoreName } from './shared-tier.ts'

/** A kind of shared tier: its servers, and the races that make sense on it. */
interface StoreKind {
  start(): Promise<SharedTier>
  readonly races: Races
}

export const storeKinds: Readonly<Record<StoreName, StoreKind>> = {
  redis: { start: () => RedisTier.start(), races: redisRaces },
  memcached: { start: () => MemcachedTier.start(), races: memcachedRaces },
}
