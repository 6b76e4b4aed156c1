import { memcached } from '@holdfast/memcached'
import { redis, redisBus } from '@holdfast/redis'
import { type Cache, type CacheOptions, createCache, type Duration, type L1Mode, type Logger } from 'holdfast'

/** The servers that caches share. None: one process by itself. */
export interface SharedServers {
  readonly redisUrl?: string | undefined
  /** Then Memcached is L2, and Redis, where it is given too, carries the word of writes between L1s. */
  readonly memcachedUrl?: string | undefined
}

export interface OpenCacheOptions extends SharedServers {
  /** Namespace in L2. Default 'atlas'. */
  readonly name?: string
  /** How L1 keeps up over Redis; over Memcached there is one way. Default 'tracked'. */
  readonly mode?: L1Mode
  /** Default '1h'. */
  readonly ttl?: Duration
  /** Default '5m'. */
  readonly swr?: Duration | false
  readonly logger?: Logger
}

/** Δ: no node answers an older value later than this after an acknowledged write. */
export const MAX_STALE_MS = 1_000

/** The cache of the atlas, and with other lives those of the demonstrations. The caller closes it. */
export function openCache(options: OpenCacheOptions): Cache {
  const { name = 'atlas', mode = 'tracked', ttl = '1h', swr = '5m', logger } = options
  return createCache({
    name,
    ttl,
    swr,
    staleIfError: '1d',
    negativeTtl: '30s',
    ...tiers(options, mode),
    ...(logger === undefined ? {} : { logger }),
  })
}

function tiers({ redisUrl, memcachedUrl }: SharedServers, mode: L1Mode): Pick<CacheOptions, 'l1' | 'l2'> {
  const sizes = { maxEntries: 50_000, maxBytes: '64mb' } as const
  const bounded = { ...sizes, maxStale: MAX_STALE_MS }
  if (memcachedUrl === undefined) {
    return redisUrl === undefined ? { l1: sizes } : { l1: { ...bounded, mode }, l2: redis(redisUrl) }
  }
  const l2 = memcached(memcachedUrl)
  if (redisUrl === undefined) return { l1: { ...bounded, mode: 'none' }, l2 }
  return { l1: { ...bounded, mode: 'bus', bus: redisBus(redisUrl) }, l2 }
}
