import { memcached } from '@holdfast/memcached'
import { redis } from '@holdfast/redis'
import { createCache, type L1Options, type StoreDefinition } from 'holdfast'
import { startMeteredMemcached } from '../memory/metered-memcached.ts'
import { startMeteredRedis } from '../memory/metered-redis.ts'
import type { Held, MeteredServer } from '../memory/metered-server.ts'
import type { Metric, Numbers, Row } from '../row.ts'

const TTL_MS = 600_000
const AT_ONCE = 50
const TAGS = ['tag:a', 'tag:b', 'tag:c'] as const
// What a namespace, a tag or a connection takes once is there before it is counted.
const ENTRIES_BEFORE = 1000
// What a connection leaves for a moment (a Memcached is asked by an item what it can do) comes and goes.
const PASSING_MAX = 3
// Servers allocate in steps: one size would tell of its place between two of them. These lie evenly this far around it.
const SPREAD = 0.2
const SIZES = [
  { name: '100', title: '100 B', bytes: 100 },
  { name: '1k', title: '1 KB', bytes: 1000 },
  { name: '10k', title: '10 KB', bytes: 10_000 },
] as const

const METRICS: readonly [Metric, ...Metric[]] = [
  memoryMetric(SIZES[0]),
  memoryMetric(SIZES[1]),
  memoryMetric(SIZES[2]),
  ...SIZES.map(({ name, title }) => metric(`items${name}`, `items alone, ${title}`)),
  metric('telling', 'and to push changes'),
]

/** Who keeps the values, and where. */
interface Keeper {
  start(): Promise<MeteredServer>
  /** Absent: by hand, as one does without a library. */
  readonly cache?: { l2(url: string): StoreDefinition; readonly l1: L1Options | false }
}

const L1: L1Options = { maxEntries: 100_000 }

const KEEPERS: Readonly<Record<string, Keeper>> = {
  'holdfast on Redis': { start: startMeteredRedis, cache: { l2: redis, l1: false } },
  'holdfast on Redis, L1 tracked': { start: startMeteredRedis, cache: { l2: redis, l1: L1 } },
  'holdfast on Memcached': { start: startMeteredMemcached, cache: { l2: memcached, l1: false } },
  'by hand on Redis': { start: startMeteredRedis },
  'by hand on Memcached': { start: startMeteredMemcached },
}

/** What the memory of a server grows by with each entry. */
export const memoryRow: Row = {
  name: 'memory',
  title: 'B of server memory per entry without tags, its key of 16 B and JSON text included',
  contenders: [
    'holdfast on Redis',
    'holdfast on Redis, L1 tracked',
    'holdfast on Memcached',
    'by hand on Redis',
    'by hand on Memcached',
  ],
  metrics: METRICS,
  targets: [],
  runsMax: 1,
  measure: (contender, { effort }) => memoryOf(contender, [], effort.memoryEntries),
}

/** The same with 3 tags. */
export const taggedMemoryRow: Row = {
  ...memoryRow,
  name: 'memory-tags',
  title: 'B of server memory per entry with 3 tags of 5 letters, its key of 16 B and JSON text included',
  contenders: ['holdfast on Redis', 'holdfast on Redis, L1 tracked', 'holdfast on Memcached'],
  measure: (contender, { effort }) => memoryOf(contender, TAGS, effort.memoryEntries),
}

function memoryMetric({ name, title }: { readonly name: string; readonly title: string }): Metric {
  return metric(`memory${name}`, `memory, ${title}`)
}

function metric(name: string, title: string): Metric {
  return { name, title, better: 'less', digits: 0 }
}

async function memoryOf(name: string, tags: readonly string[], entries: number): Promise<Numbers> {
  const keeper = KEEPERS[name]
  if (keeper === undefined) throw new Error(`unknown contender ${JSON.stringify(name)}`)
  const numbers: Record<string, number> = {}
  for (const size of SIZES) {
    const grown = await growth(keeper, size.bytes, tags, entries)
    numbers[`memory${size.name}`] = grown.memoryBytes
    numbers[`items${size.name}`] = grown.itemBytes
    // It is of names, whatever the size of the values.
    numbers.telling = grown.tellingBytes
  }
  return numbers
}

/** What one entry adds to a server that has some. */
async function growth(
  keeper: Keeper,
  bytes: number,
  tags: readonly string[],
  entries: number,
): Promise<Omit<Held, 'entries'>> {
  await using server = await keeper.start()
  await using keeping = await openKeeping(keeper, server, tags)
  await storeAll(keeping, ENTRIES_BEFORE, 0, bytes)
  const before = await server.held()
  await storeAll(keeping, entries, ENTRIES_BEFORE, bytes)
  const after = await server.held()
  const more = after.entries - before.entries
  if (Math.abs(more - entries) > PASSING_MAX) throw new Error(`${more} of ${entries} entries are in L2`)
  return {
    memoryBytes: (after.memoryBytes - before.memoryBytes) / entries,
    itemBytes: (after.itemBytes - before.itemBytes) / entries,
    tellingBytes: after.tellingBytes / entries,
  }
}

interface Keeping extends AsyncDisposable {
  store(key: string, value: object): Promise<unknown>
}

async function openKeeping(
  { cache: setup }: Keeper,
  server: MeteredServer,
  tags: readonly string[],
): Promise<Keeping> {
  if (setup === undefined) {
    return {
      store: (key, value) => server.set(key, JSON.stringify(value)),
      [Symbol.asyncDispose]: async () => undefined,
    }
  }
  const cache = createCache({
    name: 'bench',
    l1: setup.l1,
    l2: setup.l2(server.url),
    ttl: TTL_MS,
    jitter: 0,
    l2Timeout: '5s',
  })
  await cache.get('the first call waits for the connection')
  return {
    store: (key, value) => cache.getOrSet(key, () => value, { tags }),
    [Symbol.asyncDispose]: async () => void (await cache.close()),
  }
}

/** Entries numbered from `first`, whose JSON texts have so many bytes on average. */
async function storeAll(keeping: Keeping, entries: number, first: number, bytes: number): Promise<void> {
  for (let done = 0; done < entries; done += AT_ONCE) {
    const count = Math.min(AT_ONCE, entries - done)
    const numbers = Array.from({ length: count }, (_, i) => done + i)
    await Promise.all(
      numbers.map((i) => {
        const share = 1 - SPREAD + (2 * SPREAD * (i + 0.5)) / entries
        return keeping.store(keyOf(first + i), valueWith(Math.round(bytes * share)))
      }),
    )
  }
}

/** 16 bytes. */
function keyOf(number: number): string {
  return `product:${String(number).padStart(8, '0')}`
}

/** An object whose JSON text has so many bytes. */
function valueWith(bytes: number): object {
  return { text: 'x'.repeat(bytes - JSON.stringify({ text: '' }).length) }
}
