import { type MemcachedServer, startMemcached } from '@holdfast/testkit'
import { bareMemcachedGets } from '../bare-memcached-gets.ts'
import { keepInFlight } from '../keep-in-flight.ts'
import { keyAt, keysOf } from '../product.ts'
import { openRawMemcached, type RawMemcached } from '../raw-memcached-client.ts'
import type { Effort, Metric, Numbers, Row } from '../row.ts'
import { timesBest } from '../targets.ts'

// Room for the keys of every row: of the largest values there are fewer.
const MEMORY_MB = 256
const VALUES_BYTES_MAX = 32 * 1024 * 1024
const STORED_AT_ONCE = 50
const KEYS_MANY = 100

const PEERS = ['memjs', 'memcache-client', 'memcache', 'memcached'] as const
/** No client: the bound of what any of them can do on this machine. */
const BARE = 'bare socket, replies counted'
/** One of them knows no get of several keys. */
const PEERS_OF_MANY = PEERS.filter((name) => name !== 'memjs')

const METRICS: readonly [Metric, ...Metric[]] = [
  { name: 'opsPerSecond', title: 'calls/s', better: 'more', digits: 0 },
  { name: 'cpuMicros', title: 'CPU µs/call', better: 'less', digits: 1 },
]

/** Gets on each client's own connection to a Memcached of its own. */
export const memcachedGetRows: readonly Row[] = [
  getRow('100b-64', '100 B', 100, 64, 5),
  getRow('1kb-64', '1 KB', 1024, 64, 5),
  getRow('100b-512', '100 B', 100, 512, 8),
  getRow('1kb-512', '1 KB', 1024, 512, 8),
  getRow('64kb-64', '64 KB', 65_536, 64, 1.5),
  {
    name: 'memcached-get-many',
    title: `Memcached get of ${KEYS_MANY} values of 100 B in one call, 8 in flight`,
    contenders: ['holdfast', ...PEERS_OF_MANY],
    metrics: METRICS,
    targets: [timesBest('opsPerSecond', 'holdfast', PEERS_OF_MANY, 1.4)],
    measure: (contender, { effort }) => measure(contender, effort, 100, 8, getsOfMany),
  },
]

function getRow(name: string, size: string, bytes: number, inFlight: number, atLeast: number): Row {
  return {
    name: `memcached-get-${name}`,
    title: `Memcached get of ${size}, ${inFlight} in flight`,
    contenders: ['holdfast', ...PEERS, BARE],
    metrics: METRICS,
    targets: [timesBest('opsPerSecond', 'holdfast', PEERS, atLeast)],
    measure: (contender, { effort }) => measure(contender, effort, bytes, inFlight, getsOfOne),
  }
}

/** Measures the calls that are repeated. `texts` holds what is stored. */
type Gets = (
  client: RawMemcached,
  texts: ReadonlyMap<string, string>,
  inFlight: number,
  effort: Effort,
) => Promise<Numbers>

async function measure(
  contender: string,
  effort: Effort,
  bytes: number,
  inFlight: number,
  gets: Gets,
): Promise<Numbers> {
  await using server = await startMemcached({ memoryMb: MEMORY_MB })
  const keys = keysOf(Math.min(effort.keys, Math.floor(VALUES_BYTES_MAX / bytes)))
  const texts = new Map(keys.map((key) => [key, key.padEnd(bytes, '.')]))
  await fill(server, texts)
  if (contender === BARE) return await bareMemcachedGets(server.port, keys, bytes, inFlight, effort)
  const client = await openRawMemcached(contender, server.port)
  return await gets(client, texts, inFlight, effort)
}

const getsOfOne: Gets = (client, texts, inFlight, effort) => {
  const keys = [...texts.keys()]
  const stored = [...texts.values()]
  return keepInFlight(
    inFlight,
    effort,
    (caller, turn) => client.get(keyAt(keys, caller, turn)),
    (text, caller, turn) => {
      if (text !== keyAt(stored, caller, turn))
        throw new Error(`${keyAt(keys, caller, turn)}: a wrong answer`)
    },
  )
}

const getsOfMany: Gets = (client, texts, inFlight, effort) => {
  const keys = [...texts.keys()]
  return keepInFlight(inFlight, effort, async (caller, turn) => {
    const from = ((caller + turn) * KEYS_MANY) % Math.max(1, keys.length - KEYS_MANY)
    const asked = keys.slice(from, from + KEYS_MANY)
    const got = await client.getMany?.(asked)
    for (const key of asked) if (got?.get(key) !== texts.get(key)) throw new Error(`${key}: a wrong answer`)
  })
}

async function fill(server: MemcachedServer, texts: ReadonlyMap<string, string>): Promise<void> {
  const entries = [...texts]
  for (let at = 0; at < entries.length; at += STORED_AT_ONCE) {
    const stores = entries.slice(at, at + STORED_AT_ONCE)
    const replies = await Promise.all(
      stores.map(([key, text]) => server.cli(`ms ${key} ${text.length}\r\n${text}`)),
    )
    if (replies.some((reply) => reply !== 'HD')) throw new Error('a value was not stored')
  }
}
