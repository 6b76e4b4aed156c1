import type { Logger } from 'holdfast'
import { Atlas } from './atlas.ts'
import { Database } from './database.ts'
import type { Lifetime } from './lifetime.ts'
import { Meter } from './meter.ts'
import { openCache, type SharedServers } from './open-cache.ts'
import { type AtlasServer, startServer } from './server.ts'

export interface NodeOptions extends SharedServers {
  readonly port: number
  readonly databaseUrl: string
  readonly logger: Logger
}

/** One copy of the service: a cache and an HTTP server in front of a database. */
export interface AtlasNode {
  readonly server: AtlasServer
  readonly meter: Meter
}

/** Opens a node; `lifetime` closes it. */
export async function openNode(options: NodeOptions, lifetime: Lifetime): Promise<AtlasNode> {
  const { port, databaseUrl, redisUrl, memcachedUrl, logger } = options
  const database = new Database(databaseUrl)
  lifetime.own('the connections to the database', () => database.close())
  const cache = openCache({ redisUrl, memcachedUrl, logger })
  lifetime.own('the cache', () => cache.close())
  const meter = new Meter(() => ({ cache: cache.stats(), queries: database.queries }))
  const server = await startServer(new Atlas(cache, database), meter, port)
  lifetime.own('the HTTP server', () => server.close())
  if (server.port !== port && port !== 0) logger.info(`port ${port} is taken: using ${server.port}`)
  return { server, meter }
}
