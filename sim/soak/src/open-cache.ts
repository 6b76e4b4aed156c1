import { redis } from '@holdfast/redis'
import { type Cache, type CacheOptions, createCache } from 'holdfast'
import { createCacheWith, fence } from 'holdfast/internal'
import type { AppSetup } from './app-contract.ts'
import { L2_TIMEOUT_MS, MAX_STALE_MS, STALE_IF_ERROR_MS, SWR_MS, TTL_MS } from './dials.ts'
import { soakMutations } from './mutation.ts'

// Warnings of a server that goes and comes are what the soak is about: they would drown its own lines.
const QUIET: NonNullable<CacheOptions['logger']> = { info: () => {}, warn: () => {} }

/** The cache of one process, with one rule off where the plan says so. */
export function openCache({ url, namespace, plan }: AppSetup): Cache {
  const { mutation: name, l1EntriesMax } = plan
  const mutation = name === undefined ? {} : soakMutations[name]
  const plain = redis(url)
  const options: CacheOptions = {
    name: namespace,
    l1: { mode: 'tracked', maxStale: MAX_STALE_MS, maxEntries: l1EntriesMax, maxBytes: '256mb' },
    l2: mutation.store === undefined ? plain : mutation.store(plain),
    l2Timeout: L2_TIMEOUT_MS,
    ttl: TTL_MS,
    swr: SWR_MS,
    staleIfError: STALE_IF_ERROR_MS,
    logger: QUIET,
  }
  return name === undefined ? createCache(options) : createCacheWith(options, { ...fence, ...mutation.fence })
}

/** Looks at what L2 itself holds: a cache without L1, on a way that no fault is on. */
export function openObserver(url: string, namespace: string): Cache {
  return createCache({ name: namespace, l1: false, l2: redis(url), logger: QUIET })
}
