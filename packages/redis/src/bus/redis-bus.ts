import { type TlsSettings, transportWarning } from '@holdfast/wire'
import { type Bus, invalidArgument, invalidUnquoted } from 'holdfast/contracts'
import { parseRedisUrl } from '../url.ts'
import { withTls } from '../with-tls.ts'
import { RedisBusConnection } from './redis-bus-connection.ts'

export interface RedisBusOptions {
  /** As of `redis`. */
  readonly tls?: TlsSettings | false
  /**
   * Frames are signed with it, and others are ignored: at least 16 bytes, the same in every process. Default: none, and
   * whoever may publish can empty every L1, keep it unused, and hide that a message was lost or refused.
   */
  readonly secret?: string | Uint8Array
}

const DEFAULT_URL = 'redis://127.0.0.1:6379'

const MEND = 'use rediss://, or say that it is meant: redisBus(url, { tls: false })'

/**
 * Redis (7.0 or newer) or Valkey (7.2 or newer) as the bus of L1 mode 'bus', by PUBLISH and SUBSCRIBE: URL and TLS settings
 * as of `redis`, of whose database number the channel is made. One connection per cache, which createCache opens and
 * closes. It stores nothing there. Throws `invalid_argument` for a URL that is none, without repeating it.
 */
export function redisBus(url: string = DEFAULT_URL, options: RedisBusOptions = {}): Bus {
  if (typeof options !== 'object' || options === null) {
    throw invalidUnquoted('redisBus options', 'an object, e.g. { secret: process.env.BUS_SECRET }', options)
  }
  const { secret, tls, ...unknown } = options
  for (const name of Object.keys(unknown)) throw invalidArgument('redisBus options', 'secret or tls', name)
  const address = withTls(parseRedisUrl(url), tls)
  return {
    secret,
    open: (environment, listener) => {
      const warning = transportWarning([address], { isMeant: tls === false, mend: MEND })
      // Not now: the cache whose logger it goes to is only being made.
      if (warning !== undefined) queueMicrotask(() => environment.log('warn', `bus ${warning}`))
      return new RedisBusConnection(address, environment, listener)
    },
  }
}
