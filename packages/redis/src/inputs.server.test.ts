/** Bad and hostile input: each is an ordinary name, or refused by name; none reaches what is not its own. */
import { type RedisServer, startRedis } from '@holdfast/testkit'
import { type Cache, type CacheKey, createCache } from 'holdfast'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { everyMethod } from './testing/every-method.ts'
import { INJECTION, ODD_NAMES, ODD_TUPLES } from './testing/odd-names.ts'
import { inUse, openTiers, TIERS } from './testing/tiers.ts'
import { unchecked } from './testing/unchecked.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

describe.each(TIERS)('%s', (tiers) => {
  let cache: Cache
  beforeEach(async () => {
    await server.cli('FLUSHALL')
    // Whatever a test writes, this key is not its to touch.
    await server.cli('SET', 'sentinel', 'alive')
    cache = await openTiers(tiers, server.url)
  })
  afterEach(async () => {
    await cache.close()
    expect(await server.cli('GET', 'sentinel')).toBe('alive')
    expect(await server.cli('EXISTS', 'evil')).toBe(0)
  })

  /** Each name keeps what is its own, whatever the others are; and loses it alone. */
  async function expectDistinct<Name>(
    names: readonly Name[],
    of: (name: Name) => { readonly cache: Cache; readonly key: CacheKey },
    forget: (name: Name) => Promise<unknown>,
  ): Promise<void> {
    const readAll = (): Promise<unknown[]> =>
      Promise.all(names.map((name) => of(name).cache.get(of(name).key)))
    const left: unknown[] = names.map((_, i) => `value ${i}`)
    for (const [i, name] of names.entries()) await of(name).cache.set(of(name).key, `value ${i}`)
    expect(await readAll()).toEqual(left)
    for (const [i, name] of names.entries()) {
      await forget(name)
      left[i] = undefined
      expect(await readAll()).toEqual(left)
    }
  }

  describe('keys', () => {
    const long = [250, 251, 8192].map((length) => 'x'.repeat(length))
    const keys = [...ODD_NAMES, ...ODD_TUPLES, ...long, `${'x'.repeat(8191)}y`]

    test('with any character in them are distinct, and ordinary (B2, B3, B4, B5, B6, B7, B8)', async () => {
      await expectDistinct(
        keys,
        (key) => ({ cache, key }),
        (key) => cache.delete(key),
      )
    })

    test('that are equal in content are one key, whatever the order of properties (B4, B12)', async () => {
      await cache.set(['user', { a: 1, b: [{ c: 2, d: 3 }] }], 'one')
      expect(await cache.get(['user', { b: [{ d: 3, c: 2 }], a: 1 }])).toBe('one')
      expect(await cache.get(['user', { a: 1, b: [{ c: 2, d: 3 }], e: undefined }])).toBe('one')
    })

    const cyclic: unknown[] = []
    cyclic.push(cyclic)
    class Point {
      readonly x = 1
    }
    const bad: Readonly<Record<string, unknown>> = {
      'empty text (B1)': '',
      'a lone high surrogate (B6)': '\ud800',
      'a lone low surrogate in a part (B6)': ['\udc00'],
      'a lone surrogate in a name (B6)': [{ '\ud800': 1 }],
      'more than 8 KB (B4)': 'x'.repeat(8193),
      '1 MB (B4)': 'x'.repeat(1_000_000),
      'more than 8 KB of UTF-8 (B4)': 'é'.repeat(4097),
      'a long tuple (B4)': ['x'.repeat(8192)],
      'an empty tuple': [],
      'a number': 42,
      null: null,
      undefined: undefined,
      'an object': { id: 1 },
      'a Map (B11)': [new Map()],
      'a Set (B11)': [new Set()],
      'an invalid Date (B11)': [new Date(Number.NaN)],
      'an instance (B11)': [new Point()],
      'a cycle (B11)': [cyclic],
      'a function': [() => 1],
      'a symbol': [Symbol('s')],
      'undefined in a tuple': [undefined],
      NaN: [Number.NaN],
      infinity: [Number.POSITIVE_INFINITY],
    }
    test.each(Object.entries(bad))('%s: refused by every method, naming it', async (_title, key) => {
      const before = await stored()
      for (const [method, call] of Object.entries(everyMethod(cache, { key }))) {
        if (WITHOUT_KEY.includes(method)) continue
        const refusal = { code: 'invalid_argument', message: expect.stringMatching(/^key/) }
        await expect(call(), method).rejects.toMatchObject(refusal)
      }
      expect(await stored()).toBe(before)
    })

    test('empty text as the only part of a tuple is a key like any other (B1)', async () => {
      await cache.set([''], 1)
      expect(await cache.getMany([[''], ['', ''], [' ']])).toEqual([1, undefined, undefined])
    })
  })

  const stored = async (): Promise<number> => Number(await server.cli('DBSIZE')) + cache.stats().l1.entries

  describe('namespaces', () => {
    // With the names around it, a namespace's own is at most 512 characters: `inputs/` is 7 of them.
    const long = ['x'.repeat(504), 'x'.repeat(505)]
    const nested = [
      ['t', '1'],
      ['t', '1', '1'],
      ['t\\', '1'],
      ['t/1', '1'],
      ['x'.repeat(500), 'yyyy'],
    ]
    const paths = [...[...ODD_NAMES, 't', ...long].map((name) => [name]), ...nested]
    const at = (path: readonly string[]): Cache => path.reduce((outer, name) => outer.namespace(name), cache)
    const usable = async (): Promise<void> => {
      for (const path of paths) await inUse(at(path), tiers)
    }

    test('of any name are distinct, and clear clears its own alone (B7, B8, B9)', async () => {
      await usable()
      await expectDistinct(
        paths,
        (path) => ({ cache: at(path), key: '1:s' }),
        (path) => at(path).clear(),
      )
    })

    test('of any name hear of changes made elsewhere', async () => {
      if (tiers === 'L1 alone') return expect(cache.stats().l2.online).toBe(false)
      await usable()
      await using other = await openTiers(tiers, server.url)
      for (const path of paths) {
        const there = path.reduce((outer: Cache, name) => outer.namespace(name), other)
        await inUse(there, tiers)
        await at(path).set('k', 'old')
        expect(await there.get('k')).toBe('old')
        await at(path).set('k', 'new')
        await there.barrier()
        expect(await there.get('k'), JSON.stringify(path)).toBe('new')
      }
    })

    test('a cache hears of changes whatever it is called', async () => {
      if (tiers === 'L1 alone') return expect(cache.stats().l2.online).toBe(false)
      // Escaped, the longest of these names has more than 999 characters.
      for (const name of [...ODD_NAMES, '/'.repeat(512)]) {
        await using here = await openTiers(tiers, server.url, { name })
        await using there = await openTiers(tiers, server.url, { name })
        await here.set('k', 'old')
        expect(await there.get('k')).toBe('old')
        await here.set('k', 'new')
        await there.barrier()
        expect(await there.get('k'), JSON.stringify(name)).toBe('new')
      }
    })

    test.each([
      ['empty', ''],
      ['of a lone surrogate', '\ud800'],
      ['of 513 characters', 'x'.repeat(513)],
    ])('%s: refused', (_title, name) => {
      const refused = expect.objectContaining({ code: 'invalid_argument' })
      expect(() => cache.namespace(name)).toThrow(refused)
      expect(() => createCache({ name })).toThrow(refused)
      expect(() => cache.namespace('t').namespace('x'.repeat(506))).toThrow(refused)
    })
  })

  describe('tags', () => {
    const tags = [...ODD_NAMES, 'x'.repeat(512)]

    test('of any name are distinct; a tag may be called like its key (B7, B27)', async () => {
      for (const tag of tags) await cache.set(tag, tag, { tags: [tag] })
      for (const [i, tag] of tags.entries()) {
        await cache.invalidateTag(tag)
        expect(await cache.getMany(tags)).toEqual(tags.map((one, j) => (j <= i ? undefined : one)))
      }
    })

    test('said twice count once: 64 different ones are the most (B27)', async () => {
      const many = Array.from({ length: 64 }, (_, i) => `tag ${i}`)
      await cache.set('k', 1, { tags: [...many, ...many] })
      expect(await cache.get('k')).toBe(1)
      await cache.invalidateTag('tag 63')
      expect(await cache.get('k')).toBe(undefined)
    })

    test('that no entry carries are invalidated without effect (B28)', async () => {
      await cache.set('k', 1, { tags: ['mine'] })
      expect(await cache.invalidateTag('nobody has it')).toEqual({ l2: 'applied' })
      expect(await cache.get('k')).toBe(1)
    })

    /** Each of these calls is refused, naming the tags; none leaves anything behind. */
    async function expectRefused(calls: Calls): Promise<void> {
      for (const [method, call] of Object.entries(calls)) {
        if (call === undefined) throw new Error(`${method}: there is no such call`)
        const refusal = { code: 'invalid_argument', message: expect.stringMatching(/^tags/) }
        await expect((async () => await call())(), method).rejects.toMatchObject(refusal)
      }
      expect(await cache.get('k')).toBe(undefined)
    }

    const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `tag ${i}`)
    const badTags: Readonly<Record<string, unknown>> = {
      'empty (B27)': '',
      'a number (B27)': 42,
      'null (B27)': null,
      'undefined (B27)': undefined,
      'an array (B27)': ['a'],
      'an object (B27)': {},
      'a symbol (B27)': Symbol('a'),
      'a lone surrogate (B6)': '\ud800',
      'of 513 characters (B28)': 'x'.repeat(513),
      'of 1 MB (B28)': 'x'.repeat(1_000_000),
    }
    const badLists: Readonly<Record<string, unknown>> = {
      '65 (B27)': numbered(65),
      '10,000 (B27)': numbered(10_000),
      'one text (B27)': 'abc',
      'a Set (B27)': new Set(['a']),
      'a promise of them (B27)': Promise.resolve(['a']),
    }

    test.each(Object.entries(badTags))('%s: refused by every method, naming it', async (_title, tag) => {
      const methods = everyMethod(cache, { tag })
      const { invalidateTag, invalidateTags, expireTag, write } = methods
      await expectRefused({
        ...takingTags(cache, ['good', tag]),
        invalidateTag,
        invalidateTags,
        expireTag,
        write,
      })
    })

    test.each(Object.entries(badLists))('%s: refused by every method, naming them', async (_title, list) => {
      await expectRefused(takingTags(cache, list))
    })
  })

  test('a command inside a name or a value stays inside it (B3, S12)', async () => {
    await using hostile = await openTiers(tiers, server.url, { name: INJECTION })
    const inner = hostile.namespace(INJECTION)
    await inUse(inner, tiers)
    const options = { tags: [INJECTION] }
    await inner.set(INJECTION, INJECTION, options)
    expect(await inner.getOrSet([INJECTION], () => ({ [INJECTION]: INJECTION }), options)).toEqual({
      [INJECTION]: INJECTION,
    })
    expect(await inner.get(INJECTION)).toBe(INJECTION)
    await inner.write({ keys: [INJECTION], tags: [INJECTION] }, () => INJECTION)
    expect(await inner.getMany([INJECTION, [INJECTION]])).toEqual([undefined, undefined])
  })
})

/** Calls by their names; a method that is not listed is undefined, and found out when it is to be called. */
type Calls = Readonly<Record<string, (() => unknown) | undefined>>

const WITHOUT_KEY: readonly string[] = [
  ...['invalidateTag', 'invalidateTags', 'expireTag', 'clear', 'namespace', 'barrier', 'inspect'],
]

/** Every call that takes a list of tags. */
function takingTags(cache: Cache, given: unknown): Calls {
  const tags: readonly string[] = unchecked(given)
  const { set, setMany, getOrSet, getOrSetMany, refresh, reserve, wrap } = everyMethod(cache, {
    options: { tags },
  })
  const derived = { tags: () => tags }
  return {
    ...{ set, setMany, getOrSet, getOrSetMany, refresh, reserve, wrap },
    'set, derived': () => cache.set('k', 1, derived),
    'getOrSet, derived': () => cache.getOrSet('k', () => 1, derived),
    'getOrSetMany, derived': () => cache.getOrSetMany(['k'], () => [1], derived),
    'refresh, derived': () => cache.refresh('k', () => 1, derived),
    invalidateTags: () => cache.invalidateTags(tags),
    write: () => cache.write({ tags }, () => 1),
  }
}
