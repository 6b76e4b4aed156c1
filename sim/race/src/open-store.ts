import { redis } from '@holdfast/redis'
import type { StoreDefinition } from 'holdfast/contracts'
import type { TierPlace } from './shared-tier.ts'

/** The store at a place. */
export function openStore(place: TierPlace): StoreDefinition {
  if (place.store === 'memcached') throw new TypeError('Memcached is not there yet')
  return redis(place.url)
}
