import { type MemoryServer, MemoryServer as ModelServer, memoryStore } from '@holdfast/testkit'
import type { StoreDefinition, StoreEnvironment } from 'holdfast/contracts'
import { staticList } from '../list-source.ts'
import type { PoolRules } from '../namespace-on-server.ts'
import type { ListedServer } from '../placement.ts'
import { type PoolOptions, ServerPool } from '../server-pool.ts'

/** Servers of testkit's model, by the names under which a pool lists them. */
export class ModelServers {
  readonly listed: readonly ListedServer[]
  readonly servers: readonly MemoryServer[]

  constructor(count: number, host = 'model') {
    this.listed = Array.from({ length: count }, (_, i) => ({ host: `${host}-${i}`, port: 1, weight: 1 }))
    this.servers = this.listed.map(() => new ModelServer())
  }

  serverOf({ host }: ListedServer): MemoryServer {
    const server = this.servers[this.listed.findIndex((listed) => listed.host === host)]
    if (server === undefined) throw new Error(`no server is called ${host}`)
    return server
  }
}

export interface ModelPoolOptions {
  readonly gutter?: ModelServers
  readonly rules?: Partial<PoolRules>
}

/** A pool over models: what a pool adds to its islands, without sockets. */
export function modelPool(models: ModelServers, options: ModelPoolOptions = {}): StoreDefinition {
  const { gutter, rules } = options
  const of = (listed: ListedServer): MemoryServer =>
    gutter?.listed.some(({ host }) => host === listed.host) === true
      ? gutter.serverOf(listed)
      : models.serverOf(listed)
  const pool: PoolOptions = {
    source: staticList(models.listed),
    placement: 'ketama',
    gutter: gutter?.listed ?? [],
    openIsland: (listed, environment) => memoryStore(of(listed)).open(environment),
    capabilities: { push: false, leaseMinMs: 1, lacks: { push: 'as Memcached' } },
    ...(rules === undefined ? {} : { rules }),
  }
  return { open: (environment: StoreEnvironment) => new ServerPool(pool, environment) }
}
