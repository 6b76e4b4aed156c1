import type { Clock } from 'holdfast/contracts'
import type { MemcachedClient } from '../client/memcached-client.ts'
import type { IslandRules } from './island-rules.ts'
import type { Names } from './names.ts'
import type { OwedLeases } from './owed-leases.ts'

/** One namespace on one server: what its parts work with. */
export interface Place {
  readonly client: MemcachedClient
  readonly clock: Clock
  readonly names: Names
  readonly rules: IslandRules
  readonly owedLeases: OwedLeases
  /** Tells the log, once a connection, that the server has no room for what is new. */
  tellFull(): void
  /** How long a call waits at most: what is sent behind a caller is given this long. */
  readonly timeoutMs: number
}
