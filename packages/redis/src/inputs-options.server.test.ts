/** Options and arguments of plain JavaScript: what a method does not know it refuses by name, before it does anything. */
import { type RedisServer, startRedis } from '@holdfast/testkit'
import { type Cache, CacheError } from 'holdfast'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { everyMethod, type Given, methodNames, OF_ENTRIES, WITHOUT_OPTIONS } from './testing/every-method.ts'
import { openTiers, TIERS } from './testing/tiers.ts'
import { unchecked } from './testing/unchecked.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

test('these tests go through every method', () => {
  expect(Object.keys(everyMethod(unchecked({}))).toSorted()).toEqual(methodNames().toSorted())
})

/** How a call ends, whether it throws at once or rejects later. */
async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  return 'no error'
}

/** `wrap` finds no key in them. */
const noOptions: Readonly<Record<string, unknown>> = {
  null: null,
  text: 'ttl',
  'a number': 60,
  'a boolean': true,
  'a bigint': 60n,
  'a symbol': Symbol('ttl'),
  'an array': ['1m'],
  'a function': () => ({ ttl: '1m' }),
  'a Map': new Map([['ttl', '1m']]),
  'a promise': Promise.resolve({ ttl: '1m' }),
  'a date': new Date(),
  'a signal': new AbortController().signal,
}

const unknownNames: Readonly<Record<string, object>> = {
  'an unknown name': { colour: 'red' },
  'a name of Object': { constructor: 1 },
  'own __proto__ from JSON': JSON.parse('{"__proto__":{"ttl":1,"swr":1,"require":"applied"}}'),
}

const wrongValues = { ttl: ['1m'], tags: 't', signal: {}, consistency: 'weak', validate: {} }

describe.each(TIERS)('%s', (tiers) => {
  let cache: Cache
  let loads = 0
  const loader = (): number => ++loads
  const manyLoader = (keys: readonly string[]): number[] => keys.map(loader)
  beforeEach(async () => {
    await server.cli('FLUSHALL')
    loads = 0
    cache = await openTiers(tiers, server.url)
  })
  afterEach(() => cache.close())

  const stored = async (): Promise<number> => Number(await server.cli('DBSIZE')) + cache.stats().l1.entries

  /** Each of these calls is refused by name, and does nothing. */
  async function expectRefused(
    calls: Readonly<Record<string, () => unknown>>,
    message: RegExp | string,
  ): Promise<void> {
    const before = await stored()
    for (const [method, call] of Object.entries(calls)) {
      const error = await errorOf(call)
      expect(error, method).toBeInstanceOf(CacheError)
      const refusal = { code: 'invalid_argument', message: expect.stringMatching(message) }
      expect(error, method).toMatchObject(refusal)
    }
    expect(await stored()).toBe(before)
    expect(loads).toBe(0)
  }

  function calls(given: Given, names?: readonly string[]): Readonly<Record<string, () => unknown>> {
    const all = Object.entries(everyMethod(cache, { loader, ...given }))
    return Object.fromEntries(
      all.filter(([name]) => (names === undefined ? !WITHOUT_OPTIONS.includes(name) : names.includes(name))),
    )
  }

  test.each(Object.entries(noOptions))(
    'options that are %s are refused by every method (B34)',
    async (_, options) => {
      await expectRefused(calls({ options }), /^(options|key): expected/)
    },
  )

  test.each(Object.entries(unknownNames))(
    '%s is refused by every method, by name (B34)',
    async (_, options) => {
      await expectRefused(calls({ options }), /^options: unknown option "/)
      expect(Reflect.get({}, 'swr')).toBe(undefined)
    },
  )

  test('a name that is nearly known is guessed by every method (B34)', async () => {
    const reads = ['get', 'getMany', 'getEntry', 'has']
    const writes = ['set', 'setMany']
    const loadings = OF_ENTRIES.filter((name) => !reads.includes(name) && !writes.includes(name))
    const invalidations = Object.keys(calls({})).filter((name) => !OF_ENTRIES.includes(name))
    await expectRefused(calls({ options: { consistancy: 'strong' } }, reads), 'did you mean consistency')
    await expectRefused(calls({ options: { tll: '1m' } }, [...writes, ...loadings]), 'did you mean ttl')
    await expectRefused(calls({ options: { hardTimout: '1m' } }, loadings), 'did you mean hardTimeout')
    await expectRefused(calls({ options: { requires: 'applied' } }, invalidations), 'did you mean require')
    expect([...reads, ...writes, ...loadings, ...invalidations].toSorted()).toEqual(
      methodNames()
        .filter((name) => !WITHOUT_OPTIONS.includes(name))
        .toSorted(),
    )
  })

  test('an option that belongs to another method is refused, not ignored (B34)', async () => {
    const { signal } = new AbortController()
    const never = ['set', 'setMany', 'get', 'getMany', 'getEntry', 'has']
    await expectRefused(calls({ options: { signal } }, never), 'unknown option "signal"')
    await expectRefused(calls({ options: { hardTimeout: '1s' } }, never), 'unknown option "hardTimeout"')
    await expectRefused(calls({ options: { version: 1n } }, ['getOrSet', 'get']), 'unknown option "version"')
    await expectRefused(
      calls({ options: { ttl: '1s' } }, ['get', 'delete', 'clear', 'write']),
      'unknown option "ttl"',
    )
  })

  test('each option is checked, whatever the others are (B34)', async () => {
    const loadings = ['getOrSet', 'getOrSetMany', 'refresh', 'reserve', 'wrap']
    for (const [name, value] of Object.entries(wrongValues)) {
      await expectRefused(calls({ options: { [name]: value } }, loadings), new RegExp(`^${name}: expected`))
    }
    for (const value of [null, true, 'queued', 1]) {
      const names = [
        'delete',
        'deleteMany',
        'expire',
        'invalidateTag',
        'invalidateTags',
        'expireTag',
        'clear',
        'write',
      ]
      await expectRefused(calls({ options: { require: value } }, names), /^require: expected/)
    }
  })

  test('options say nothing where they are undefined, or an instance of a class', async () => {
    class Settings {
      readonly ttl = '1h'
    }
    await cache.set('k', 1, undefined)
    await cache.set('l', 1, new Settings())
    expect(await cache.getMany(['k', 'l'], undefined)).toEqual([1, 1])
  })

  const noFunctions = [undefined, null, 'f', 7, {}, [], Promise.resolve(1)]
  test.each(noFunctions.map((given) => [given]))(
    'a loader that is %o is refused by every method',
    async (given) => {
      await expectRefused(
        calls({ loader: given }, ['getOrSet', 'getOrSetMany', 'refresh']),
        /^loader: expected/,
      )
      await expectRefused(calls({ loader: given }, ['write']), /^commit: expected/)
      await expectRefused(calls({ loader: given }, ['wrap']), /^fn: expected/)
      await expectRefused(
        { wrap: () => cache.wrap(loader, unchecked({ key: given })) },
        /^key: expected a function/,
      )
    },
  )

  const noKeys = [undefined, null, 'k', 7, {}, new Set(['k']), new Map([['k', 1]]), ['k'].values()]
  test.each(noKeys.map((given) => [given]))('keys that are %o are refused by every method', async (given) => {
    const keys: readonly string[] = unchecked(given)
    await expectRefused(
      {
        getMany: () => cache.getMany(keys),
        getOrSetMany: () => cache.getOrSetMany(keys, manyLoader),
        deleteMany: () => cache.deleteMany(keys),
        ...(given === undefined ? {} : { write: () => cache.write({ keys }, loader) }),
      },
      /^keys: expected an array/,
    )
  })

  test('a bad key among good ones: nothing is stored, loaded, removed or committed', async () => {
    await cache.set('a', 'kept')
    const keys = ['a', '', 'b']
    await expectRefused(
      {
        getMany: () => cache.getMany(keys),
        getOrSetMany: () => cache.getOrSetMany(keys, manyLoader),
        setMany: () => cache.setMany(keys.map((key) => [key, 1])),
        deleteMany: () => cache.deleteMany(keys),
        write: () => cache.write({ keys }, loader),
      },
      /^key: expected a non-empty/,
    )
    await expectRefused({ 'write, tags': () => cache.write({ tags: ['t', ''] }, loader) }, /^tags\[1\]: /)
    expect(await cache.get('a')).toBe('kept')
  })

  test('entries that are no pairs are refused by their place, and nothing is stored', async () => {
    const good = ['a', 1]
    const noPairs = [undefined, null, 7, 'ab', {}, new Map(), [], ['a'], ['a', 1, 2], new Set(['a', 1])]
    for (const pair of noPairs) {
      await expectRefused(
        { setMany: () => cache.setMany<unknown>(unchecked([good, pair])) },
        /^entries\[1\]: expected a pair/,
      )
    }
    for (const entries of [undefined, null, 7, 'ab', { a: 1 }, () => [good], Promise.resolve([good])]) {
      await expectRefused(
        { setMany: () => cache.setMany<unknown>(unchecked(entries)) },
        /^entries: expected pairs/,
      )
    }
    await cache.setMany(new Map([['a', 1]]))
    expect(await cache.get('a')).toBe(1)
  })

  test('a method that has nothing to do checks its arguments all the same', async () => {
    const options: object = { colour: 'red' }
    await expectRefused(
      {
        getMany: () => cache.getMany([], options),
        setMany: () => cache.setMany([], options),
        deleteMany: () => cache.deleteMany([], options),
        getOrSetMany: () => cache.getOrSetMany([], manyLoader, options),
      },
      'unknown option "colour"',
    )
  })

  test('what write is told to touch is an object with keys and tags, and nothing else', async () => {
    for (const names of [undefined, null, 'k', ['k'], new Map(), Promise.resolve({})]) {
      await expectRefused(
        { write: () => cache.write(unchecked(names), loader) },
        /^write: expected an object/,
      )
    }
    await expectRefused({ write: () => cache.write(unchecked({ key: 'k' }), loader) }, 'unknown option "key"')
    await expectRefused(
      { write: () => cache.write(unchecked({ keys: null }), loader) },
      /^keys: expected an array/,
    )
    await expectRefused(
      { write: () => cache.write(unchecked({ tags: null }), loader) },
      /^tags: expected an array/,
    )
  })

  test('a version is a bigint of 64 bits, a timeout a duration, a name text', async () => {
    for (const version of [1, '1', null, 2n ** 63n, -(2n ** 63n) - 1n]) {
      await expectRefused(
        {
          set: () => cache.set('k', 1, { version: unchecked(version) }),
          setMany: () => cache.setMany([['k', 1]], { version: unchecked(version) }),
        },
        /^version: expected a bigint/,
      )
    }
    for (const timeout of [null, 0, -1, Number.NaN, '1 s', {}, true]) {
      await expectRefused(
        { barrier: () => cache.barrier(unchecked(timeout)) },
        /^timeout: expected a duration/,
      )
    }
    for (const name of [undefined, null, 7, {}, ['a']]) {
      await expectRefused({ namespace: () => cache.namespace(unchecked(name)) }, /^namespace: expected/)
    }
  })
})
