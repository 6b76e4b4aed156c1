import { EventEmitter } from 'node:events'
import KeyvRedis, { createKeyv } from '@keyv/redis'
import { RedisMessageProvider } from '@qified/redis'
import { Cacheable, CacheableSync } from 'cacheable'
import type { CacheSetup, FaultedCache, OpenFaulted } from '../contender.ts'

const CONNECT_TIMEOUT_MS = 250
// node-redis counts silence of the socket, in both directions, and not of a command. Pings, each sent when the one before
// was answered, keep a healthy connection; one that falls silent right after a ping is noticed after both together.
const PING_MS = 50
const SOCKET_TIMEOUT_MS = 230

/** Cacheable over @keyv/redis, as its guide has it for not hanging, with the timeouts of node-redis. */
export const openCacheable: OpenFaulted = (setup) => {
  const { url, ttlMs, hasBus, tell } = setup
  const secondary = new KeyvRedis(
    {
      url,
      disableOfflineQueue: true,
      pingInterval: PING_MS,
      socket: {
        connectTimeout: CONNECT_TIMEOUT_MS,
        socketTimeout: SOCKET_TIMEOUT_MS,
        reconnectStrategy: false,
      },
    },
    { throwOnConnectError: false, throwOnErrors: false },
  )
  secondary.on('error', tell)
  const cache = new Cacheable({
    ttl: ttlMs,
    secondary,
    nonBlocking: true,
    ...(hasBus ? { sync: syncOf(url, tell) } : {}),
  })
  return facing(cache, setup)
}

/** As its guide begins. */
export const openCacheableByGuide: OpenFaulted = (setup) => {
  const cache = new Cacheable({ ttl: setup.ttlMs, secondary: createKeyv(setup.url) })
  return facing(cache, setup)
}

function facing(cache: Cacheable, { load, tell }: CacheSetup): FaultedCache {
  cache.on('error', tell)
  return {
    getOrSet: (key) => cache.getOrSet(key, () => load(key), { throwErrors: 'function', nonBlocking: false }),
    delete: (key) => cache.delete(key),
  }
}

function syncOf(url: string, tell: (trouble: unknown) => void): CacheableSync {
  const provider = new RedisMessageProvider({ uri: url })
  // It has no public way to hear of errors, and without a listener a lost connection ends the process.
  for (const name of ['pub', 'sub']) {
    const client: unknown = Reflect.get(provider, name)
    if (client instanceof EventEmitter) client.on('error', tell)
  }
  const sync = new CacheableSync({ qified: provider })
  sync.on('error', tell)
  sync.qified.on('error', tell)
  return sync
}
