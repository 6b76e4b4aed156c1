import { subscribe } from 'node:diagnostics_channel'
import { redis } from '@holdfast/redis'
import { createCache } from 'holdfast'
import type { OpenFaulted } from '../contender.ts'

/** Ours, with the windows that its README shows. */
export const openHoldfast: OpenFaulted = ({ url, ttlMs, loaderTimeoutMs, load, tell }) => {
  subscribe('holdfast:trouble', tell)
  const cache = createCache({
    name: 'faults',
    l2: redis(url),
    ttl: ttlMs,
    swr: '5m',
    staleIfError: '1d',
    ...(loaderTimeoutMs === undefined ? {} : { hardTimeout: loaderTimeoutMs }),
    logger: { info: () => {}, warn: tell },
  })
  return {
    getOrSet: (key) => cache.getOrSet(key, () => load(key)),
    delete: (key) => cache.delete(key),
  }
}
