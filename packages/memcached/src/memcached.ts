import type { StoreDefinition } from 'holdfast/contracts'
import type { MemcachedOptions } from './memcached-options.ts'
import { memcachedWith } from './memcached-with.ts'

// What a development machine runs.
const DEFAULT_URL = 'memcached://127.0.0.1:11211'

/**
 * One Memcached (1.6.18 or newer) or several as the shared tier: `memcached://[user:password@]host[:port]`, several hosts
 * in one URL (`memcached://a,b:11212`), several URLs in an array or with commas between them; `memcacheds://…` (verified
 * TLS), `memcached+unix:///path`. `?weight=n` behind a host gives it n shares of the keys. Default
 * `memcached://127.0.0.1:11211`. One connection a server and cache, which createCache opens and closes. L1 is in mode
 * 'none' (Memcached tells of no change), or 'bus'. Throws `invalid_argument` for a URL or an option that is none, and
 * for a server that is named twice, without repeating the URL.
 */
export function memcached(
  urls: string | readonly string[] = DEFAULT_URL,
  options: MemcachedOptions = {},
): StoreDefinition {
  return memcachedWith(urls, options, {})
}
