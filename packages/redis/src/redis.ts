import { invalidArgument, type StoreDefinition } from 'holdfast/contracts'
import { Replay } from './failover/replay.ts'
import { RestartFence } from './failover/restart-fence.ts'
import { RedisStore } from './redis-store.ts'
import { parseRedisUrl } from './url.ts'

export interface RedisOptions {
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

/**
 * Redis (7.0 or newer) or Valkey (7.2 or newer) as the shared tier: `redis://[user:password@]host[:port][/db]`,
 * `rediss://…` (verified TLS), `redis+unix:///path`. Default `redis://127.0.0.1:6379`. One connection per cache, which
 * createCache opens and closes. Where a replica answers, its primary is used, with the same user, database and TLS
 * settings. Throws `invalid_argument` for a URL that is none, without repeating it.
 */
export function redis(url: string = DEFAULT_URL, options: RedisOptions = {}): StoreDefinition {
  const address = parseRedisUrl(url)
  const { failover = 'fence', ...unknown } = options
  for (const name of Object.keys(unknown)) throw invalidArgument('redis options', 'failover alone', name)
  if (failover !== 'fence' && failover !== 'replay') {
    throw invalidArgument('failover', "'fence' or 'replay'", failover)
  }
  return {
    open: (environment) => {
      const { clock } = environment
      const rule = failover === 'replay' ? new Replay(clock) : new RestartFence(clock)
      return new RedisStore(address, environment, rule)
    },
  }
}
