/** A value is the same after a load, from L1, from Redis, and in another process; or it is refused by name. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type RedisServer, startRedis, until } from '@holdfast/testkit'
import { type Cache, CacheError, createCache } from 'holdfast'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redis } from './redis.ts'
import { TestProcess } from './testing/test-process.ts'
import { Money, money, openValueCache, portrait } from './testing/value-node.ts'

let server: RedisServer
let elsewhere: TestProcess
/** No L2. */
let alone: Cache
/** Both tiers. */
let both: Cache
/** Redis only: each read decodes. */
let remote: Cache

beforeAll(async () => {
  server = await startRedis()
  elsewhere = new TestProcess('values', { url: server.url })
  alone = createCache({ name: 'values', types: [money] })
  both = openValueCache(server.url)
  remote = openValueCache(server.url, false)
  await elsewhere.call('prepare')
  await until('the shared tier is in use', () => both.stats().l2.online && remote.stats().l2.online)
})
afterAll(async () => {
  await Promise.all([alone.close(), both.close(), remote.close(), elsewhere.kill()])
  await server.stop()
})

const shared = { name: 'shared' }
const cyclic: Record<string, unknown> = { name: 'cyclic' }
cyclic.self = cyclic
const sparse: unknown[] = [1]
sparse[3] = undefined
sparse.length = 6

const kept: Readonly<Record<string, unknown>> = {
  'null (B16)': null,
  'zero (B16)': 0,
  'false (B16)': false,
  'an empty string (B16)': '',
  'NaN (B17)': Number.NaN,
  'infinity (B17)': Number.POSITIVE_INFINITY,
  'minus infinity (B17)': [Number.NEGATIVE_INFINITY],
  'minus zero (B17)': -0,
  'a Date (B18)': { at: new Date(1_700_000_000_000), never: new Date(Number.NaN) },
  'a Map (B18)': new Map<unknown, unknown>([
    [{ id: 1 }, new Set(['a', Number.NaN])],
    ['b', undefined],
  ]),
  'a Set (B18)': new Set([1, 'b', undefined, -1n]),
  'a bigint (B18)': [0n, -1n, 2n ** 200n],
  'a RegExp (B18)': [/a+b/giu, /\//],
  'a URL (B18)': new URL('https://user:pw@example.com:8080/a%20b?q=1#h'),
  'an Error (B18)': new TypeError('broken', { cause: { code: 7 } }),
  'typed arrays (B18)': [
    Uint8Array.of(1, 255),
    Float64Array.of(-0, Math.PI),
    BigInt64Array.of(-4n),
    new Int16Array(),
  ],
  'a Buffer (B18)': { raw: Buffer.from('\r\nFLUSHALL\r\n') },
  'nested undefined (B19)': { a: undefined, b: [undefined], c: null },
  'a sparse array (B19)': sparse,
  'a cycle (B20)': cyclic,
  'shared references (B20)': { one: shared, two: [shared] },
  'an instance of a registered class (B22)': { price: new Money(12n ** 20n), list: [new Money(0n)] },
  'own __proto__ (S7)': JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":2}}'),
  'lone surrogates': ['\ud800', '\udc00x', '\u0000', '😀'],
}

describe('the same on every tier', () => {
  test.each(Object.entries(kept))('%s', async (key, value) => {
    const expected = portrait(value)
    const seen: Record<string, unknown> = {}
    await both.set(`set: ${key}`, value)
    seen['set, L1'] = await both.get(`set: ${key}`)
    seen['set, L2'] = await remote.get(`set: ${key}`)
    seen['loader, at once'] = await both.getOrSet(`loaded: ${key}`, () => value)
    seen['loader, L1'] = await both.get(`loaded: ${key}`)
    seen['loader, L2'] = await remote.get(`loaded: ${key}`)
    await alone.set(`set: ${key}`, value)
    seen['set, no L2'] = await alone.get(`set: ${key}`)
    seen['loader, no L2, at once'] = await alone.getOrSet(`loaded: ${key}`, () => value)
    seen['loader, no L2'] = await alone.get(`loaded: ${key}`)
    for (const [where, found] of Object.entries(seen)) expect(portrait(found), where).toBe(expected)
    for (const how of ['set', 'loaded']) {
      expect(await elsewhere.call('portrait', `${how}: ${key}`), `${how}, another process`).toBe(expected)
    }
    // They were hits: the second tier alone answered `remote`.
    expect((await remote.getEntry(`set: ${key}`))?.tier).toBe('l2')
  })

  test('shared references are shared again, and prototypes stay clean', async () => {
    await both.set('graph', { one: shared, two: shared })
    for (const cache of [both, remote]) {
      const found = await cache.get<{ one: object; two: object }>('graph')
      expect(found?.one).toBe(found?.two)
    }
    expect(Reflect.get({}, 'polluted')).toBe(undefined)
  })
})

const WIDE = 50_000
const TOO_WIDE = 1_000_000
const DEPTH = 20_000

describe('size and depth (B24)', () => {
  test(`${DEPTH} levels come back from every tier`, async () => {
    const nest = (): unknown => {
      let value: unknown = 'bottom'
      for (let i = 0; i < DEPTH; i++) value = i % 2 === 0 ? [value] : { in: value }
      return value
    }
    await both.set('deep', nest())
    await both.getOrSet('deep, loaded', nest)
    for (const cache of [both, remote]) {
      expect([depthOf(await cache.get('deep')), depthOf(await cache.get('deep, loaded'))]).toEqual([
        DEPTH,
        DEPTH,
      ])
    }
  })

  test(`an object of ${WIDE} keys comes back from every tier`, async () => {
    const wide = numbered(WIDE)
    await both.set('wide', wide)
    for (const cache of [both, remote]) expect(await cache.get('wide')).toEqual(wide)
  })

  test(`one of ${TOO_WIDE} keys, above maxValueBytes, is answered and told of, and not stored`, async () => {
    await using cache = createCache({ name: 'small', l2: redis(server.url) })
    await until('the shared tier is in use', () => cache.stats().l2.online)
    const told: unknown[] = []
    const listen = (event: unknown): void => void told.push(event)
    subscribe('holdfast:trouble', listen)
    const wide = numbered(TOO_WIDE)
    expect(await cache.getOrSet('wide', () => wide)).toBe(wide)
    unsubscribe('holdfast:trouble', listen)
    expect(told).toContainEqual(expect.objectContaining({ what: 'value_too_large', key: 'wide' }))
    expect(await server.cli('EXISTS', 'v:{5:smallwide}')).toBe(0)
  })
})

function numbered(keys: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: keys }, (_, i) => [`k${i}`, i]))
}

function depthOf(value: unknown): number {
  let depth = 0
  for (let at = value; typeof at === 'object' && at !== null; depth++) {
    at = Array.isArray(at) ? at[0] : Reflect.get(at, 'in')
  }
  return depth
}

describe('undefined (B15)', () => {
  test.each(['alone', 'both', 'remote'] as const)(
    '%s: a loader may answer it, and nothing is cached',
    async (name) => {
      const cache = { alone, both, remote }[name]
      let calls = 0
      const loader = (): undefined => {
        calls++
      }
      expect([await cache.getOrSet('none', loader), calls]).toEqual([undefined, 1])
      expect([await cache.getOrSet('none', loader), calls]).toEqual([undefined, 2])
      expect(await cache.has('none')).toBe(false)
    },
  )
})

class Unregistered {
  readonly a = 1
}

const withExtra = Object.assign([1, 2], { total: 3 })
const deep = (value: unknown): unknown => ({ rows: [{ id: 1 }, { id: 2, value }] })
const refused: Readonly<Record<string, unknown>> = {
  'a function (B21)': () => 1,
  'a class (B21)': Unregistered,
  'a symbol (B21)': Symbol('s'),
  'a promise (B21)': Promise.resolve(1),
  'a stream (B21)': new ReadableStream(),
  'a Response (B21)': new Response('body'),
  'a Proxy (B21)': new Proxy({}, {}),
  'an instance of a class (B22)': new Unregistered(),
  'a WeakMap (B21)': new WeakMap(),
  'an array with properties (B19)': withExtra,
  'a getter (B22)': Object.defineProperty({}, 'a', { enumerable: true, get: () => 1 }),
  'a property named by a symbol (B21)': { [Symbol('s')]: 1 },
}

describe('refused by name, and nothing is stored', () => {
  describe.each(['alone', 'both', 'remote'] as const)('%s', (name) => {
    test.each(Object.entries(refused))('%s', async (key, value) => {
      const cache = { alone, both, remote }[name]
      const errors = [
        await failure(cache.set(key, deep(value))),
        await failure(cache.getOrSet(key, () => deep(value))),
        await failure(cache.getOrSetMany([key], () => [deep(value)])),
      ]
      for (const error of errors) {
        expect(error).toMatchObject({ code: 'unsupported_value' })
        expect(error.message).toMatch(/^value\.rows\[1\]\.value\S*: .+; .+/)
      }
      expect(await cache.get(key)).toBe(undefined)
      // It failed, and was not left in a state in which others wait for it.
      expect(await cache.getOrSet(key, () => 'fine')).toBe('fine')
      await cache.delete(key)
    })
  })
})

async function failure(answer: Promise<unknown>): Promise<CacheError> {
  const error = await answer.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof CacheError) return error
  throw new Error(`expected a CacheError, got ${String(error)}`)
}
