import type { L1Mode } from 'holdfast'
import { type FoundRedis, nodeCount } from './backends.ts'
import { CacheAside } from './by-hand.ts'
import type { City } from './city.ts'
import type { Lifetime } from './lifetime.ts'
import { MAX_STALE_MS, openCache } from './open-cache.ts'
import { createPlainMap } from './plain-map.ts'
import { connectPlainRedis } from './plain-redis.ts'

/** One copy of the service, as far as the race needs it. */
export interface RaceNode {
  read(id: number): Promise<City>
  /** Resolves when the write before it may be called acknowledged. */
  invalidate(id: number): Promise<void>
}

/** One way to cache. */
export interface Contender {
  readonly name: string
  /** What it promises of answers that are older than an acknowledged write. */
  readonly promise: 'none' | 'never' | 'briefly'
  readonly nodes: readonly RaceNode[]
}

type Find = (id: number) => Promise<City | undefined>

/** Cache-aside by hand, and Holdfast in the modes that can be had; `lifetime` closes them. */
export function openContenders(redis: FoundRedis, find: Find, lifetime: Lifetime): readonly Contender[] {
  const byHand = nodes(redis, () => openByHand(redis.url, find, lifetime))
  const open = (mode: L1Mode): RaceNode => openHoldfast(redis.url, mode, find, lifetime)
  const hand = { name: 'cache-aside by hand', promise: 'none', nodes: byHand } as const
  if (redis.url === undefined) {
    return [hand, { name: 'Holdfast', promise: 'never', nodes: nodes(redis, () => open('tracked')) }]
  }
  const trackedName = `Holdfast, tracked (at most ${MAX_STALE_MS / 1000} s)`
  return [
    hand,
    { name: trackedName, promise: 'briefly', nodes: nodes(redis, () => open('tracked')) },
    { name: 'Holdfast, strong (never)', promise: 'never', nodes: nodes(redis, () => open('strong')) },
  ]
}

function nodes(redis: FoundRedis, open: () => RaceNode): readonly RaceNode[] {
  return Array.from({ length: nodeCount(redis) }, open)
}

function openByHand(redisUrl: string | undefined, find: Find, lifetime: Lifetime): RaceNode {
  const plain = redisUrl === undefined ? createPlainMap() : connectPlainRedis(redisUrl)
  lifetime.own('the plain Redis connection', async () => plain.close())
  const cache = new CacheAside(plain, find)
  return { read: (id) => cache.getCity(id), invalidate: (id) => cache.invalidate(id) }
}

function openHoldfast(redisUrl: string | undefined, mode: L1Mode, find: Find, lifetime: Lifetime): RaceNode {
  const cache = openCache({ name: `atlas-race-${mode}`, redisUrl, mode })
  lifetime.own('a cache', () => cache.close())
  return {
    read: (id) =>
      cache.getOrSet<City>(`city:${id}`, async () => {
        const city = await find(id)
        if (city === undefined) throw new Error('City not found')
        return city
      }),
    invalidate: async (id) => void (await cache.delete(`city:${id}`)),
  }
}
