import { describe, expect, test } from 'vitest'
import type { Cache } from './cache.ts'
import { Database } from './testing/database.ts'
import { Stage } from './testing/stage.ts'

const tiers: Record<string, (stage: Stage) => Cache> = {
  'L1 alone': (stage) => stage.alone(),
  'L1 and L2': (stage) => stage.node().cache,
}

describe.each(Object.entries(tiers))('namespaces: %s', (_, open) => {
  test.for([
    ['t', '1:s', 't:1', 's'],
    ['a/b', 'k', 'a', 'b/k'],
    ['a', '/k', 'a/', 'k'],
    ['a\\', 'k', 'a', '\\k'],
    ['1:x', 'k', '1', ':xk'],
  ] as const)('%j with key %j is not %j with key %j (B9)', async ([space, key, otherSpace, otherKey]) => {
    await using stage = new Stage()
    const cache = open(stage)
    await cache.namespace(space).set(key, 'secret')
    expect(await cache.namespace(otherSpace).get(otherKey)).toBeUndefined()
    expect(await cache.namespace(space).get(key)).toBe('secret')
  })

  test('paths of namespaces never meet, however their names are cut (B7, B8, B9)', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const spaces = [
      cache,
      cache.namespace('a'),
      cache.namespace('a').namespace('b'),
      cache.namespace('a/b'),
      cache.namespace('a\\/b'),
      cache.namespace('a\\').namespace('b'),
      cache.namespace('/'),
      cache.namespace('shop'),
      cache.namespace('\0'),
      cache.namespace('__proto__'),
      cache.namespace('constructor'),
    ]
    expect(new Set(spaces.map((space) => space.name)).size).toBe(spaces.length)
    for (const [i, space] of spaces.entries()) await space.set('k', i, { tags: ['t'] })
    for (const [i, space] of spaces.entries()) expect(await space.get('k')).toBe(i)
    await spaces[1]?.clear()
    await spaces[3]?.invalidateTag('t')
    await stage.settle()
    const left = await Promise.all(spaces.map((space) => space.get('k')))
    expect(left.map((value, i) => value === i)).toEqual(spaces.map((_, i) => i !== 1 && i !== 3))
  })

  test('the same name is the same namespace: it shares its loads', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const db = new Database('v')
    const both = [cache.namespace('a'), cache.namespace('a')]
    await Promise.all(both.map((space) => space.getOrSet('k', db.load)))
    expect(db.loads).toHaveLength(1)
  })

  test('10,000 are the most of one cache, and the refusal says so', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    for (let i = 1; i < 10_000; i++) cache.namespace(`n${i}`)
    expect(() => cache.namespace('one more')).toThrow(
      'namespace: expected at most 10000 namespaces of one cache, got "one more"',
    )
    expect(cache.namespace('n1').name).toBe('shop/n1')
  })

  test('a name that is none is refused', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    for (const name of ['', '\ud800', 'x'.repeat(513)])
      expect(() => cache.namespace(name)).toThrow('namespace: expected')
  })
})

test('a cache called like a path is not that namespace of another cache', async () => {
  await using stage = new Stage()
  const [plain, path] = [stage.node({ name: 'shop' }).cache, stage.node({ name: 'shop/inner' }).cache]
  await plain.namespace('inner').set('k', 'of shop')
  expect(await path.get('k')).toBeUndefined()
  await path.clear()
  await stage.settle()
  expect(await plain.namespace('inner').get('k')).toBe('of shop')
})
