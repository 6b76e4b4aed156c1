import { type MemcachedParts, memcachedWith } from '@holdfast/memcached/internal'
import { redis } from '@holdfast/redis'
import { type Connect, connectSocket } from '@holdfast/wire'
import type { StoreDefinition } from 'holdfast/contracts'
import type { TierPlace } from './shared-tier.ts'

/** The store at a place; `parts`: its rules, where some are off. */
export function openStore(place: TierPlace, parts: MemcachedParts = {}): StoreDefinition {
  if (place.store === 'redis') return redis(place.url)
  const { urls, gutter, detours } = place
  return memcachedWith(urls, { gutter }, { ...parts, connect: connectBy(detours) })
}

function connectBy(detours: Readonly<Record<number, number>>): Connect {
  return (endpoint, listener) => {
    if (endpoint.transport === 'unix') return connectSocket(endpoint, listener)
    const { port } = endpoint
    return connectSocket({ ...endpoint, port: detours[port] ?? port }, listener)
  }
}
