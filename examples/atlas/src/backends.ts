import { ServerError, startRedis } from '@holdfast/testkit'
import { Database } from './database.ts'
import { startEmbeddedDatabase } from './embedded-database.ts'
import type { Lifetime } from './lifetime.ts'
import { type Settings, SettingsError } from './settings.ts'

/** The URL of a database that holds the cities: the given one, filled where it was not, or an embedded one. */
export async function provideDatabase(
  settings: Settings,
  lifetime: Lifetime,
  say: (line: string) => void,
): Promise<string> {
  if (settings.databaseUrl !== undefined) {
    await fillGiven(settings.databaseUrl, say)
    return settings.databaseUrl
  }
  const onFilling = (): void => say('Filling an embedded PostgreSQL with 135,233 cities (first start only) …')
  const { url, slot } = await startEmbeddedDatabase(settings.dataFolder, onFilling, lifetime)
  if (slot > 1) say(`Another atlas uses the data of this folder: this one has its own (copy ${slot}).`)
  return url
}

async function fillGiven(url: string, say: (line: string) => void): Promise<void> {
  const database = new Database(url, 1)
  try {
    if (await database.seed()) say('Filled table atlas_cities of the given database with 135,233 cities.')
  } catch (error) {
    throw new SettingsError(`DATABASE_URL: the database cannot be used: ${reason(error)}`)
  } finally {
    await database.close()
  }
}

/** Of several addresses that were all refused, Node says the reason in the code only. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message === '' && 'code' in error ? String(error.code) : error.message
}

/** A Redis to share, or why there is none. */
export type FoundRedis =
  | { readonly url: string; readonly name: string }
  | { readonly url: undefined; readonly install: string }

/** The given Redis, else one that is started for as long as atlas runs, else the line that installs it. */
async function findRedis(settings: Settings, lifetime: Lifetime): Promise<FoundRedis> {
  if (settings.redisUrl !== undefined) return { url: settings.redisUrl, name: 'the Redis of REDIS_URL' }
  try {
    const server = await startRedis()
    lifetime.own('redis-server', () => server.stop())
    return { url: server.url, name: `a redis-server on port ${server.port}` }
  } catch (error) {
    if (error instanceof ServerError && error.code === 'missing') {
      return { url: undefined, install: error.message }
    }
    throw error
  }
}

/** `findRedis` for the demonstrations that compare: their cache-aside by hand is written for a Redis. */
export async function findComparedRedis(
  settings: Settings,
  lifetime: Lifetime,
  say: (line: string) => void,
): Promise<FoundRedis> {
  if (settings.memcachedUrl !== undefined) {
    say(`MEMCACHED_URL is not used by --${settings.mode}: it compares with cache-aside over a Redis.`)
  }
  return await findRedis(settings, lifetime)
}

/** What the nodes of a fleet share, as their environment names it, or why there is nothing. */
export type FoundTier =
  | {
      readonly env: Readonly<Record<string, string>>
      readonly name: string
      /** Whether a node's L1 is told of writes on another. */
      readonly areTold: boolean
    }
  | { readonly install: string }

/** The given Memcached, and Redis as its bus; else a Redis. */
export async function findSharedTier(settings: Settings, lifetime: Lifetime): Promise<FoundTier> {
  const { memcachedUrl, redisUrl } = settings
  if (memcachedUrl === undefined) {
    const redis = await findRedis(settings, lifetime)
    if (redis.url === undefined) return redis
    return { env: { REDIS_URL: redis.url }, name: redis.name, areTold: true }
  }
  const name = 'the Memcached of MEMCACHED_URL'
  if (redisUrl === undefined) return { env: { MEMCACHED_URL: memcachedUrl }, name, areTold: false }
  const env = { MEMCACHED_URL: memcachedUrl, REDIS_URL: redisUrl }
  return { env, name: `${name}, and the Redis of REDIS_URL as bus`, areTold: true }
}

/** The nodes of a demonstration, in words. */
export function describeNodes(redis: FoundRedis): string {
  if (redis.url !== undefined) return `on two nodes that share ${redis.name}`
  return 'on one node without Redis (none was found), cache-aside over a Map'
}

/** Nodes of a demonstration: two where a Redis is shared; without one, nodes would know nothing of each other. */
export function nodeCount(redis: FoundRedis): number {
  return redis.url === undefined ? 1 : 2
}
