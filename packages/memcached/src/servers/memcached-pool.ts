import type { Connect } from '@holdfast/wire'
import type { StoreDefinition } from 'holdfast/contracts'
import type { IslandRules } from '../island/island-rules.ts'
import { MemcachedIsland } from '../island/memcached-island.ts'
import type { MemcachedAddress } from '../url.ts'
import { ClientRingItems } from './client-ring-items.ts'
import type { Island } from './island.ts'
import type { ListSource } from './list-source.ts'
import type { ListedServer, PlacementName } from './placement.ts'
import type { PoolRules } from './pool-rules.ts'
import type { RingItems } from './ring-items.ts'
import { ServerPool } from './server-pool.ts'

export interface MemcachedPoolOptions {
  readonly source: ListSource
  readonly placement: PlacementName
  readonly gutter: readonly ListedServer[]
  /** How a listed server is reached, and by whom. */
  addressOf(server: ListedServer): MemcachedAddress
  /** A network of its own, for a check. */
  readonly connect?: Connect
  /** For checks that switch one off. */
  readonly rules?: Partial<PoolRules>
  readonly islandRules?: Partial<IslandRules>
}

/** Memcached servers, one or many, as the shared tier of a cache. */
export function memcachedPool(options: MemcachedPoolOptions): StoreDefinition {
  const { source, placement, gutter, addressOf, connect, rules = {}, islandRules } = options
  return {
    open: (environment) =>
      new ServerPool(
        {
          source,
          placement,
          gutter,
          rules,
          capabilities: MemcachedIsland.capabilities,
          openIsland: (server, own) =>
            new PoolIsland(addressOf(server), own, { connect, rules: islandRules }),
        },
        environment,
      ),
  }
}

class PoolIsland extends MemcachedIsland implements Island {
  ringItems(namespace: string): RingItems {
    return new ClientRingItems(this.client, namespace)
  }
}
