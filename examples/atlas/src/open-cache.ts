import { redis } from '@holdfast/redis'
import { type Cache, createCache, type Duration, type L1Mode, type Logger } from 'holdfast'

export interface OpenCacheOptions {
  /** Namespace in L2. Default 'atlas'. */
  readonly name?: string
  /** Undefined: one process, no server. */
  readonly redisUrl: string | undefined
  /** Without a shared tier there is nothing to keep up with, and this is not looked at. Default 'tracked'. */
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
  const { name = 'atlas', redisUrl, mode = 'tracked', ttl = '1h', swr = '5m', logger } = options
  const sizes = { maxEntries: 50_000, maxBytes: '64mb' } as const
  return createCache({
    name,
    ttl,
    swr,
    staleIfError: '1d',
    negativeTtl: '30s',
    l1: redisUrl === undefined ? sizes : { ...sizes, mode, maxStale: MAX_STALE_MS },
    ...(redisUrl === undefined ? {} : { l2: redis(redisUrl) }),
    ...(logger === undefined ? {} : { logger }),
  })
}
