/** Bad and hostile names: each is an ordinary one, or refused by name; none reaches what is not its own. */
import { type MemcachedServer, startMemcached, until } from '@holdfast/testkit'
import { type Cache, type CacheKey, createCache } from 'holdfast'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { memcached } from './memcached.ts'
import { INJECTION, ODD_NAMES } from './testing/odd-names.ts'

let server: MemcachedServer
beforeAll(async () => {
  server = await startMemcached()
})
afterAll(() => server.stop())

async function open(name: string): Promise<Cache> {
  const cache = createCache({ name, l1: false, l2: memcached(server.url) })
  await until('the shared tier is in use', () => cache.stats().l2.online)
  return cache
}

describe('names', () => {
  let cache: Cache
  beforeEach(async () => {
    // Whatever a test writes, this key is not its to touch.
    await server.cli('set sentinel 0 0 5\r\nalive')
    cache = await open('inputs')
  })
  afterEach(async () => {
    await cache.close()
    expect(await server.cli('get sentinel')).toBe('VALUE sentinel 0 5\r\nalive\r\nEND')
    expect(await server.cli('get evil')).toBe('END')
  })

  /** Each name keeps what is its own, whatever the others are; and loses it alone. */
  async function expectDistinct<Name>(
    names: readonly Name[],
    of: (name: Name) => { readonly cache: Cache; readonly key: CacheKey },
    forget: (name: Name) => Promise<unknown>,
  ): Promise<void> {
    const readAll = () => Promise.all(names.map((name) => of(name).cache.get(of(name).key)))
    const left: unknown[] = names.map((_, i) => `value ${i}`)
    for (const [i, name] of names.entries()) await of(name).cache.set(of(name).key, `value ${i}`)
    expect(await readAll()).toEqual(left)
    for (const [i, name] of names.entries()) {
      await forget(name)
      left[i] = undefined
      expect(await readAll()).toEqual(left)
    }
  }

  test('of keys with any character in them are distinct, and ordinary (B2, B3, B4, B5, B7, B8)', async () => {
    const long = [250, 251, 8192].map((length) => 'y'.repeat(length))
    const tuples: readonly CacheKey[] = [['a', 'b'], [['a', 'b']], ['a","b']]
    await expectDistinct(
      [...ODD_NAMES, ...long, `${'y'.repeat(8191)}z`, ...tuples],
      (key) => ({ cache, key }),
      (key) => cache.delete(key),
    )
  })

  test('of keys that no server could keep apart are refused by name (B1, B4, B6)', async () => {
    const before = (await server.stats()).total_items
    for (const key of ['', '\ud800', '\ud801', 'x'.repeat(8193), 'x'.repeat(2 ** 20)]) {
      await expect(cache.get(key)).rejects.toMatchObject({ code: 'invalid_argument' })
      await expect(cache.set(key, 1)).rejects.toMatchObject({ code: 'invalid_argument' })
      await expect(cache.delete(key)).rejects.toMatchObject({ code: 'invalid_argument' })
    }
    expect((await server.stats()).total_items).toBe(before)
  })

  test('of tags with any character in them are distinct, and ordinary', async () => {
    const keyOf = (tag: string) => `of ${ODD_NAMES.indexOf(tag)}`
    const load = (tag: string) => cache.getOrSet(keyOf(tag), () => 'loaded', { tags: [tag] })
    await Promise.all(ODD_NAMES.map(load))
    const present = async () => {
      const found = await Promise.all(ODD_NAMES.map((tag) => cache.get(keyOf(tag))))
      return ODD_NAMES.filter((_, i) => found[i] === 'loaded')
    }
    for (const [i, tag] of ODD_NAMES.entries()) {
      await cache.invalidateTag(tag)
      expect(await present()).toEqual(ODD_NAMES.slice(i + 1))
    }
  })

  test('of namespaces never meet: t with 1:s, and t:1 with s (B9)', async () => {
    const pairs = [
      ['t', '1:s'],
      ['t:1', 's'],
      ['t:1:s', 'k'],
      ['t ', 's'],
      ['t\0', 's'],
      [INJECTION, 's'],
      ['x'.repeat(300), 's'],
    ] as const
    const caches = new Map(pairs.map(([name]) => [name, cache.namespace(name)]))
    await expectDistinct(
      pairs,
      ([name, key]) => ({ cache: caches.get(name) ?? cache, key }),
      ([name]) => caches.get(name)?.clear() ?? Promise.resolve(),
    )
  })
})
