import { type TlsSettings, transportWarning } from '@holdfast/wire'
import { invalidArgument, invalidUnquoted, type StoreDefinition } from 'holdfast/contracts'
import { Replay } from './failover/replay.ts'
import { RestartFence } from './failover/restart-fence.ts'
import { RedisStore } from './redis-store.ts'
import { parseRedisUrl } from './url.ts'
import { withTls } from './with-tls.ts'

export interface RedisOptions {
  /**
   * TLS settings of Node for a `rediss://` server: `ca` for one of your own, `cert` and `key` where it asks for them.
   * The server is verified unless `rejectUnauthorized: false` says otherwise, which is warned of. `false`: the way to a
   * `redis://` server on another machine is plaintext on purpose, and nothing warns of it.
   */
  readonly tls?: TlsSettings | false
  /**
   * What becomes of the values that a server holds which was restarted with its data, or promoted to primary: they may
   * be from before an acknowledged invalidation. 'fence' (default): none is used any more, whoever invalidated what.
   * 'replay': they stay in use, after each process has removed once more what it had invalidated or set itself since
   * its data may be from. What other processes invalidated comes back until they have reconnected, and for good where
   * they are gone; an expired value is gone, not stale. Falls back to 'fence' where a process cannot tell what was lost:
   * it is younger than the outage, more than 60 s or 10,000 names of its own are missing, or an hour has passed.
   */
  readonly failover?: 'fence' | 'replay'
}

// What a development machine runs.
const DEFAULT_URL = 'redis://127.0.0.1:6379'

const MEND = 'use rediss://, or say that it is meant: redis(url, { tls: false })'

/**
 * Redis (7.0 or newer) or Valkey (7.2 or newer) as the shared tier: `redis://[user:password@]host[:port][/db]`,
 * `rediss://…` (verified TLS), `redis+unix:///path`. Default `redis://127.0.0.1:6379`. One connection per cache, which
 * createCache opens and closes. Where a replica answers, its primary is used, with the same user, database and TLS
 * settings. Throws `invalid_argument` for a URL that is none, without repeating it.
 */
export function redis(url: string = DEFAULT_URL, options: RedisOptions = {}): StoreDefinition {
  if (typeof options !== 'object' || options === null) {
    throw invalidUnquoted('redis options', 'an object, e.g. { tls: false }', options)
  }
  const { failover = 'fence', tls, ...unknown } = options
  for (const name of Object.keys(unknown)) throw invalidArgument('redis options', 'failover or tls', name)
  const address = withTls(parseRedisUrl(url), tls)
  if (failover !== 'fence' && failover !== 'replay') {
    throw invalidArgument('failover', "'fence' or 'replay'", failover)
  }
  return {
    open: (environment) => {
      const { clock } = environment
      const warning = transportWarning([address], { isMeant: tls === false, mend: MEND })
      // Not now: the cache whose logger it goes to is only being made.
      if (warning !== undefined) queueMicrotask(() => environment.log('warn', `L2 ${warning}`))
      const rule = failover === 'replay' ? new Replay(clock) : new RestartFence(clock)
      return new RedisStore(address, environment, rule)
    },
  }
}
