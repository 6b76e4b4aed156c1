/** S1 and S2: an entry answers for its own key in its own namespace, and for nothing else. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type RedisServer, SEED, startRedis } from '@holdfast/testkit'
import fc from 'fast-check'
import { type Cache, type CacheKey, createCache } from 'holdfast'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Names } from '../names.ts'
import { redis } from '../redis.ts'
import { ODD_NAMES } from '../testing/odd-names.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
beforeEach(async () => void (await server.cli('FLUSHALL')))

// Without L1, every read is answered by what stands in Redis.
function open(name: string): Cache {
  return createCache({ name, l1: false, l2: redis(server.url), l2Timeout: '10s' })
}

async function copy(from: readonly [string, string], to: readonly [string, string]): Promise<void> {
  const [source, target] = [from, to].map(([namespace, key]) => new Names(namespace).of('v', key))
  expect(await server.cli('COPY', source ?? '', target ?? '', 'REPLACE')).toBe(1)
}

/** Every way to read a key, each answering what it found or `undefined`. */
const READS: readonly [string, (cache: Cache, key: string) => Promise<unknown>][] = [
  ['get', (cache, key) => cache.get(key)],
  ['getMany', async (cache, key) => (await cache.getMany([key]))[0]],
  ['getEntry', async (cache, key) => (await cache.getEntry(key))?.value],
  ['has', async (cache, key) => ((await cache.has(key)) ? 'there' : undefined)],
  ['ttl', (cache, key) => cache.ttl(key)],
  ['getOrSet', (cache, key) => cache.getOrSet(key, () => undefined)],
  ['getOrSetMany', async (cache, key) => (await cache.getOrSetMany([key], () => [undefined]))[0]],
  ['reserve', (cache, key) => reserved(cache, key)],
]

async function reserved(cache: Cache, key: string): Promise<unknown> {
  const reservation = await cache.reserve(key)
  await reservation.release?.()
  return reservation.value
}

describe('the bytes of another key', () => {
  test.each(READS)('are a miss to %s (S1)', async (_name, read) => {
    await using cache = open('shop')
    await cache.set('victim', 'secret')
    await copy(['shop', 'victim'], ['shop', 'mine'])
    expect(await read(cache, 'victim')).toBeDefined()
    expect(await read(cache, 'mine')).toBe(undefined)
  })

  test('are told of, and healed by the next load (S1)', async () => {
    const troubles: unknown[] = []
    const take = (event: unknown): void => void troubles.push(event)
    subscribe('holdfast:trouble', take)
    await using cache = open('shop')
    await cache.set('victim', 'secret')
    await copy(['shop', 'victim'], ['shop', 'mine'])
    expect(await cache.getOrSet('mine', () => 'mine')).toBe('mine')
    unsubscribe('holdfast:trouble', take)
    expect(troubles[0]).toMatchObject({ what: 'decode_failed', key: 'mine', error: 'another key' })
    expect(await cache.get('mine')).toBe('mine')
    expect(await cache.get('victim')).toBe('secret')
  })

  test('are a miss for keys that were chosen to share a hash, which never share an entry (S1)', async () => {
    // Equal under cyrb53, a check of 64 bits: key-check.test.ts shows it.
    const twins = [
      'user:一一츀츀츀一一一츀一一츀츀一츀츀一츀一一一一',
      'user:一一一一一一츀一一츀一一츀츀一一一一츀一一一',
    ] as const
    await using cache = open('shop')
    await cache.set(twins[0], 'first')
    expect(await cache.get(twins[1])).toBe(undefined)
    await cache.set(twins[1], 'second')
    expect(await cache.getMany(twins)).toEqual(['first', 'second'])
    await copy(['shop', twins[0]], ['shop', twins[1]])
    expect(await cache.getMany(twins)).toEqual(['first', undefined])
  })
})

test('10,000 calls at once, of good and of odd keys: each gets its own (S4)', async () => {
  await using cache = open('shop')
  await cache.barrier()
  const keys = Array.from(
    { length: 10_000 },
    (_, i) => `${ODD_NAMES[i % (2 * ODD_NAMES.length)] ?? 'user:'}${i}`,
  )
  await Promise.all(keys.map((key, i) => cache.set(key, i)))
  const found = await Promise.all(keys.map((key) => cache.getOrSet(key, () => 'lost')))
  expect(found).toEqual(keys.map((_, i) => i))
  expect(await cache.getMany(keys)).toEqual(found)
})

describe('tenants', () => {
  test("another namespace's entry of the very same key is a miss (S2)", async () => {
    await using cache = open('shop')
    const [alice, bob] = [cache.namespace('alice'), cache.namespace('bob')]
    await bob.set('other', 'so that the namespace has a token')
    await alice.set('project:1', 'of alice')
    await copy(['shop/alice', 'project:1'], ['shop/bob', 'project:1'])
    expect(await alice.get('project:1')).toBe('of alice')
    expect(await bob.get('project:1')).toBe(undefined)
    expect(await bob.getOrSet('project:1', () => 'of bob')).toBe('of bob')
  })

  test('namespace t with 1:secret, and t:1 with secret, are two entries (S2)', async () => {
    await using cache = open('app')
    await cache.namespace('t').set('1:secret', 'of the first')
    expect(await cache.namespace('t:1').get('secret')).toBe(undefined)
    await cache.namespace('t:1').set('secret', 'of the second')
    expect(await cache.namespace('t').get('1:secret')).toBe('of the first')
    await using first = open('t')
    await using second = open('t:1')
    await first.set('1:secret', 'of the first cache')
    expect(await second.get('secret')).toBe(undefined)
  })

  test('any paths of namespaces with any keys: each reads its own (S2)', async () => {
    await using cache = open('shop')
    const letters = ['t', '1', ':', '/', '\\', '{', '}', '[', '\0', '"', ',', '\r\n', 'é', 'e\u0301', '😀']
    const text = fc
      .array(fc.constantFrom(...letters), { minLength: 1, maxLength: 3 })
      .map((parts) => parts.join(''))
    const part = fc.oneof(
      text,
      fc.constantFrom('', '1', 'null'),
      fc.integer({ min: 0, max: 2 }),
      fc.boolean(),
    )
    const tuple = fc.array(fc.oneof(part, fc.constant(null)), { minLength: 1, maxLength: 3 })
    const key = fc.oneof(text, tuple)
    const path = fc.array(fc.constantFrom('t', '1', 't:1', 't/1', '\\', '{'), { maxLength: 3 })
    const sample = fc.sample(fc.tuple(path, key), { numRuns: 1_000, seed: SEED })
    // The meaning of a pair, by an encoding that nobody has to trust but this test.
    const distinct = new Map(sample.map((pair) => [JSON.stringify(pair), pair]))
    const at = (names: readonly string[]): Cache =>
      names.reduce((outer, name) => outer.namespace(name), cache)
    const keyOf = (given: unknown): CacheKey => JSON.parse('0', () => given)
    await Promise.all([...distinct].map(([id, [names, given]]) => at(names).set(keyOf(given), id)))
    const found = await Promise.all([...distinct].map(([, [names, given]]) => at(names).get(keyOf(given))))
    expect(found, `SEED=${SEED}`).toEqual([...distinct.keys()])
    expect(distinct.size).toBeGreaterThan(700)
    const names = await server.cli('KEYS', 'v:*')
    expect(names).toHaveLength(distinct.size)
  })
})
