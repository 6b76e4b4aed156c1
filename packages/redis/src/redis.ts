import type { StoreDefinition } from 'holdfast/contracts'
import { RedisStore } from './redis-store.ts'
import { parseRedisUrl } from './url.ts'

// What a development machine runs.
const DEFAULT_URL = 'redis://127.0.0.1:6379'

/**
 * Redis (7.0 or newer) or Valkey (7.2 or newer) as the shared tier: `redis://[user:password@]host[:port][/db]`,
 * `rediss://…` (verified TLS), `redis+unix:///path`. Default `redis://127.0.0.1:6379`. One connection per cache, which
 * createCache opens and closes. Throws `invalid_argument` for a URL that is none, without repeating it.
 */
export function redis(url: string = DEFAULT_URL): StoreDefinition {
  const address = parseRedisUrl(url)
  return { open: (environment) => new RedisStore(address, environment) }
}
