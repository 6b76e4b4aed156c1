/**
 * S5: calls that are given up at random moments, by their callers or by their deadlines, while replies are on the way.
 * None of the others gets a value that is not its own. `LONG=1` makes 100,000 calls of each kind, `SEED=` replays one.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import {
  type FaultProxy,
  pause,
  type RedisServer,
  SEED,
  seeded,
  startFaultProxy,
  startRedis,
  until,
} from '@holdfast/testkit'
import { type Cache, createCache } from 'holdfast'
import { type StoreDefinition, systemClock } from 'holdfast/contracts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { RedisClient } from '../client.ts'
import { redis } from '../redis.ts'
import { RedisStore } from '../redis-store.ts'
import { LONG, LONG_TEST_MS } from '../testing/long.ts'
import { slippingConnect } from '../testing/slipping-connect.ts'
import { inUse } from '../testing/tiers.ts'
import { parseRedisUrl } from '../url.ts'

const CALLS = LONG ? 100_000 : 4_000
const CALLERS = 200
const KEYS = 500
const GIVEN_UP = 0.3
const JITTER_MS = 50

let server: RedisServer
let proxy: FaultProxy
let random: () => number
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.cli('FLUSHALL')
  random = seeded(SEED)
  proxy = await startFaultProxy({ port: server.port }, { random })
})
afterEach(() => proxy.close())

const keyOf = (): string => `key:${Math.floor(random() * KEYS)}`
const viaProxy = (): string => `redis://127.0.0.1:${proxy.port}`

/** What became of the calls. A foreign value is one that holds another key than it was asked for under. */
interface Tally {
  own: number
  givenUp: number
  failed: number
  foreign: number
}

/** Makes calls, `CALLERS` at a time, while there are more to make: so many, or as it is said. */
async function makeCalls(
  more: number | (() => boolean),
  call: (tally: Tally) => Promise<void>,
): Promise<Tally> {
  const tally: Tally = { own: 0, givenUp: 0, failed: 0, foreign: 0 }
  let begun = 0
  const goesOn = typeof more === 'number' ? () => begun++ < more : more
  const caller = async (): Promise<void> => {
    while (goesOn()) await call(tally)
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  return tally
}

interface Row {
  readonly key: string
  readonly rest: string
}
const rowOf = (key: string): Row => ({ key, rest: `row of ${key}` })

/** A call that takes no signal is left by its caller: it goes on, and nobody listens. */
function left<T>(call: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    call.then(resolve, reject)
  })
}

/** One call of a cache, of any kind; `onAbort` is told in the moment in which its caller gives it up. */
async function callCache(cache: Cache, tally: Tally, onAbort: () => void): Promise<void> {
  const asked = [keyOf(), keyOf()] as const
  const [key] = asked
  const controller = new AbortController()
  const { signal } = controller
  const given = random() < GIVEN_UP
  const timer = given
    ? systemClock.after(random() * JITTER_MS * 1.2, () => {
        controller.abort()
        onAbort()
      })
    : undefined
  const kind = random()
  try {
    const found =
      kind < 0.45
        ? [await cache.getOrSet(key, () => rowOf(key), { signal })]
        : kind < 0.85
          ? [await left(cache.get<Row>(key), signal)]
          : kind < 0.95
            ? await left(cache.getMany<Row>(asked), signal)
            : [void (await cache.delete(key))]
    const isForeign = found.some((row, i) => row !== undefined && row.key !== asked[i])
    isForeign ? tally.foreign++ : tally.own++
  } catch {
    signal.aborted ? tally.givenUp++ : tally.failed++
  } finally {
    timer?.cancel()
  }
}

/** One GET of a value that is its own key, given up at a random moment by its deadline. */
async function callClient(client: RedisClient, tally: Tally, onTimeout: () => void): Promise<void> {
  const key = keyOf()
  const given = random() < GIVEN_UP
  const by = systemClock.now() + (given ? random() * JITTER_MS * 1.2 : 10_000)
  try {
    const reply = await client.command(['GET', key], { by })
    String(reply) === key ? tally.own++ : tally.foreign++
  } catch {
    if (given) {
      tally.givenUp++
      onTimeout()
    } else {
      tally.failed++
      // The connection is being made anew.
      await pause(1)
    }
  }
}

async function openClient(connect = slippingConnect().connect): Promise<RedisClient> {
  for (let i = 0; i < KEYS; i++) await server.cli('SET', `key:${i}`, `key:${i}`)
  const address = parseRedisUrl(viaProxy())
  const client = new RedisClient({
    address,
    clock: systemClock,
    tracking: 'off',
    heartbeatMs: 60_000,
    connect,
  })
  await until('the client is ready', () => client.ready)
  return client
}

async function openCache(l2: StoreDefinition): Promise<Cache> {
  const cache = createCache({ name: 'rows', l1: false, l2, l2Timeout: '1s' })
  await inUse(cache, 'Redis alone')
  return cache
}

const nothing = (): void => undefined

describe(`30 % of the calls are given up at random moments (S5; SEED=${SEED})`, () => {
  test(`${CALLS} calls of a cache, aborted: no value is another key's`, {
    timeout: LONG_TEST_MS,
  }, async () => {
    await using cache = await openCache(redis(viaProxy()))
    proxy.inject({ jitterMs: JITTER_MS })
    const tally = await makeCalls(CALLS, (into) => callCache(cache, into, nothing))
    expect(tally).toMatchObject({ foreign: 0, failed: 0 })
    expect(tally.givenUp).toBeGreaterThan(CALLS * 0.1)
    expect(cache.stats().hits.l2).toBeGreaterThan(CALLS * 0.2)
  })

  test(`${CALLS} commands, past their deadlines: no reply is another's`, {
    timeout: LONG_TEST_MS,
  }, async () => {
    await using client = await openClient()
    proxy.inject({ jitterMs: JITTER_MS })
    const tally = await makeCalls(CALLS, (into) => callClient(client, into, nothing))
    expect(tally).toMatchObject({ foreign: 0, failed: 0 })
    expect(tally.givenUp).toBeGreaterThan(CALLS * 0.1)
  })
})

describe(`with the error that these calls are to find (SEED=${SEED})`, () => {
  test('a client that gives back the place of a command too early hands out foreign replies: they are found', async () => {
    const { connect, slip } = slippingConnect()
    await using client = await openClient(connect)
    proxy.inject({ jitterMs: JITTER_MS })
    const tally = await makeCalls(2_000, (into) => callClient(client, into, slip))
    // Some 200 on an idle machine, fewer where replies are seldom on their way; a check that finds one finds the error.
    expect(tally.foreign).toBeGreaterThan(0)
  })

  test('a cache over such a client still answers nothing foreign: the key in the entry is compared', async () => {
    const { connect, slip } = slippingConnect()
    const address = parseRedisUrl(viaProxy())
    const l2 = { open: (to) => new RedisStore(address, to, undefined, connect) } satisfies StoreDefinition
    await using cache = await openCache(l2)
    await cache.setMany(Array.from({ length: KEYS }, (_, i) => [`key:${i}`, rowOf(`key:${i}`)] as const))
    let foreignEntries = 0
    const count = (event: unknown): void => {
      if (Reflect.get(Object(event), 'error') === 'another key') foreignEntries++
    }
    subscribe('holdfast:trouble', count)
    proxy.inject({ jitterMs: JITTER_MS })
    const by = systemClock.now() + 20_000
    const goesOn = (): boolean => foreignEntries <= 100 && systemClock.now() < by
    const tally = await makeCalls(goesOn, async (into) => {
      // Out of step with each other, so that the line is never empty: a reply too many is noticed there.
      await pause(random() * JITTER_MS)
      const key = keyOf()
      const row = await cache.get<Row>(key)
      row === undefined || row.key === key ? into.own++ : into.foreign++
      if (random() < 0.01) slip()
    })
    unsubscribe('holdfast:trouble', count)
    expect(tally.foreign).toBe(0)
    // Else nothing was compared, and nothing shown.
    expect(foreignEntries).toBeGreaterThan(100)
  })
})
