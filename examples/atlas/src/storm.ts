import { describeNodes, type FoundRedis, findComparedRedis, nodeCount, provideDatabase } from './backends.ts'
import { CacheAside } from './by-hand.ts'
import type { City } from './city.ts'
import { Database } from './database.ts'
import type { Lifetime } from './lifetime.ts'
import { openCache } from './open-cache.ts'
import { createPlainMap } from './plain-map.ts'
import { connectPlainRedis } from './plain-redis.ts'
import type { Screen } from './screen.ts'
import type { Settings } from './settings.ts'
import { formatTable } from './table.ts'

/** One way to read the hot city; one function per node. */
interface Contender {
  readonly name: string
  readonly nodes: readonly ((id: number) => Promise<unknown>)[]
}

interface Outcome {
  readonly queries: number
  readonly medianMs: number
  readonly slowestMs: number
}

const CALLERS = 500
const TTL_SECONDS = 1
// Past the TTL on every clock that took part.
const EXPIRED_MS = 1_200
// A refresh in the background may still be on its way when the last caller has its answer.
const SETTLE_MS = 300

/** A hot city expires under 500 callers: how often is the database asked? True: by Holdfast, once each time. */
export async function runStorm(settings: Settings, lifetime: Lifetime, screen: Screen): Promise<boolean> {
  const redis = await findComparedRedis(settings, lifetime, screen.say)
  const database = new Database(await provideDatabase(settings, lifetime, screen.say))
  lifetime.own('the connections to the database', () => database.close())
  const [city] = await database.largestCities(1)
  if (city === undefined) throw new Error('the database holds no city')
  const contenders = [
    byHand(redis, database, lifetime),
    holdfast('Holdfast', 'atlas-storm', false, redis, database, lifetime),
    holdfast('Holdfast with swr', 'atlas-storm-swr', '5m', redis, database, lifetime),
  ]
  screen.say(`${city.name} expires under ${CALLERS} callers, ${describeNodes(redis)}.\n`)
  for (const { nodes } of contenders) for (const read of nodes) await read(city.id)
  await pause(EXPIRED_MS)
  const outcomes: Outcome[] = []
  for (const contender of contenders) outcomes.push(await storm(contender, city, database))
  screen.say(
    formatTable(
      ['', 'database queries', 'median answer', 'slowest answer'],
      outcomes.map(({ queries, medianMs, slowestMs }, i) => [
        contenders[i]?.name ?? '',
        String(queries),
        `${medianMs.toFixed(1)} ms`,
        `${slowestMs.toFixed(1)} ms`,
      ]),
    ),
  )
  return outcomes.slice(1).every(({ queries }) => queries === 1)
}

function byHand(redis: FoundRedis, database: Database, lifetime: Lifetime): Contender {
  const nodes = Array.from({ length: nodeCount(redis) }, () => {
    const plain = redis.url === undefined ? createPlainMap() : connectPlainRedis(redis.url)
    lifetime.own('the plain Redis connection', async () => plain.close())
    const cache = new CacheAside(plain, (id) => database.city(id), TTL_SECONDS)
    return (id: number) => cache.getCity(id)
  })
  return { name: 'cache-aside by hand', nodes }
}

function holdfast(
  name: string,
  namespace: string,
  swr: '5m' | false,
  redis: FoundRedis,
  database: Database,
  lifetime: Lifetime,
): Contender {
  const nodes = Array.from({ length: nodeCount(redis) }, () => {
    const cache = openCache({ name: namespace, redisUrl: redis.url, ttl: TTL_SECONDS * 1_000, swr })
    lifetime.own('a cache', () => cache.close())
    return (id: number) =>
      cache.getOrSet<City | null>(`city:${id}`, async () => (await database.city(id)) ?? null)
  })
  return { name, nodes }
}

/** All callers at once, after the expiry. */
async function storm(contender: Contender, city: City, database: Database): Promise<Outcome> {
  const queriesBefore = database.queries
  const callers = Array.from({ length: CALLERS }, async (_, i) => {
    const startMs = performance.now()
    await contender.nodes[i % contender.nodes.length]?.(city.id)
    return performance.now() - startMs
  })
  const durations = (await Promise.all(callers)).sort((a, b) => a - b)
  await pause(SETTLE_MS)
  return {
    queries: database.queries - queriesBefore,
    medianMs: durations[CALLERS / 2] ?? 0,
    slowestMs: durations.at(-1) ?? 0,
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
