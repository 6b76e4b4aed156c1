import { systemClock } from 'holdfast/contracts'
import type { RedisClient } from '../../../packages/redis/src/client.ts'
import { openCache } from '../caches/open-cache.ts'
import { keysOf, productOf } from '../product.ts'
import { openRedisClient } from '../redis-counters.ts'
import type { Metric, Numbers, Row } from '../row.ts'
import { bounded } from '../targets.ts'

const TTL_MS = 600_000
const WAIT_MS = 5000
const AT_ONCE = 50
const TAGS = ['tag:a', 'tag:b', 'tag:c'] as const
// design: the header, and for each tag its name and 9 bytes.
const HEADER_BYTES = 48
const TAGGED_BYTES = HEADER_BYTES + TAGS.reduce((bytes, tag) => bytes + tag.length + 9, 0)

const METRICS: readonly [Metric, ...Metric[]] = [
  { name: 'valueBytes', title: 'B in values beyond the JSON', better: 'less', digits: 1 },
  { name: 'nameBytes', title: 'B in names beyond the key', better: 'less', digits: 1 },
  { name: 'memoryBytes', title: 'B of memory beyond a plain SET', better: 'less', digits: 1 },
]

/** What Redis holds for an entry besides its key and the JSON text of its value, by its own account. */
export const overheadRow: Row = {
  name: 'overhead',
  title: 'bytes in Redis per entry without tags, beyond its key and JSON text (STRLEN, MEMORY USAGE)',
  contenders: [
    'holdfast',
    'by hand',
    'bentocache',
    'cacheable',
    'cache-manager',
    'layered-loader',
    'async-cache-dedupe',
    'cachified',
  ],
  metrics: METRICS,
  targets: [bounded('valueBytes', HEADER_BYTES, `≤ ${HEADER_BYTES} B in the value`)],
  async measure(contender, { url, effort }) {
    const cache = await openCache(contender, {
      url,
      tiers: 'l2',
      ttlMs: TTL_MS,
      load: async (key) => productOf(key),
    })
    return await overheadOf(url, keysOf(effort.keys), (key) => cache.getOrSet(key))
  },
}

/** The same with 3 tags, and with whatever is kept for these. */
export const taggedOverheadRow: Row = {
  name: 'overhead-tags',
  title: 'bytes in Redis per entry with 3 tags of 5 letters, all that is kept for the tags included',
  contenders: ['holdfast', 'by hand', 'bentocache', 'cacheable'],
  metrics: METRICS,
  targets: [bounded('valueBytes', TAGGED_BYTES, `≤ ${TAGGED_BYTES} B in the value`)],
  async measure(contender, { url, effort }) {
    const load = (key: string) => Promise.reject(new Error(`${key} was set, and is not there`))
    const { set } = await openCache(contender, { url, tiers: 'l2', ttlMs: TTL_MS, load })
    if (set === undefined) throw new Error('this library has no tags')
    return await overheadOf(url, keysOf(effort.keys), (key) => set(key, productOf(key), TAGS))
  },
}

/** What each entry of the library's costs more than a plain SET of the same text under the same name. */
async function overheadOf(url: string, keys: readonly string[], store: Store): Promise<Numbers> {
  const client = await openRedisClient(url)
  const stored = await growth(client, keys, store)
  await ask(client, ['FLUSHALL'])
  const plain = await growth(client, keys, (key) =>
    ask(client, ['SET', key, JSON.stringify(productOf(key)), 'PX', `${TTL_MS}`]),
  )
  if (stored.entries < plain.entries)
    throw new Error(`${stored.entries} of ${plain.entries} entries are in L2`)
  const perKey = (bytes: number): number => bytes / plain.entries
  return {
    valueBytes: perKey(stored.valueBytes - plain.valueBytes),
    nameBytes: perKey(stored.nameBytes - plain.nameBytes),
    memoryBytes: perKey(stored.memoryBytes - plain.memoryBytes),
  }
}

type Store = (key: string) => Promise<unknown>

/** What the second half of the keys adds: what a namespace or a process keeps once is no entry's. */
async function growth(client: RedisClient, keys: readonly string[], store: Store): Promise<Held> {
  const half = keys.length / 2
  await forAll(keys.slice(0, half), store)
  const before = await heldBy(client)
  await forAll(keys.slice(half), store)
  const after = await heldBy(client)
  return {
    entries: after.entries - before.entries,
    valueBytes: after.valueBytes - before.valueBytes,
    nameBytes: after.nameBytes - before.nameBytes,
    memoryBytes: after.memoryBytes - before.memoryBytes,
  }
}

async function forAll(keys: readonly string[], store: Store): Promise<void> {
  for (let i = 0; i < keys.length; i += AT_ONCE) await Promise.all(keys.slice(i, i + AT_ONCE).map(store))
}

interface Held {
  readonly entries: number
  /** Of strings. */
  readonly valueBytes: number
  readonly nameBytes: number
  readonly memoryBytes: number
}

async function heldBy(client: RedisClient): Promise<Held> {
  const names = await ask(client, ['KEYS', '*'])
  const held = { entries: 0, valueBytes: 0, nameBytes: 0, memoryBytes: 0 }
  if (!Array.isArray(names)) return held
  for (const bytes of names) {
    const name = String(bytes)
    const isText = String(await ask(client, ['TYPE', name])) === 'string'
    if (isText) held.valueBytes += Number(await ask(client, ['STRLEN', name]))
    held.entries++
    held.nameBytes += Buffer.byteLength(name)
    held.memoryBytes += Number(await ask(client, ['MEMORY', 'USAGE', name, 'SAMPLES', '0']))
  }
  return held
}

async function ask(client: RedisClient, command: readonly string[]): Promise<unknown> {
  return await client.command([...command], { by: systemClock.now() + WAIT_MS })
}
