import { describe, expect, test } from 'vitest'
import type { Cache } from '../cache.ts'
import { errorOf, watched } from '../testing/outcome.ts'
import { Stage } from '../testing/stage.ts'

interface Call {
  readonly keys: readonly string[]
  readonly signal: AbortSignal
  answer(values?: readonly unknown[]): void
  fail(error: unknown): void
}

/** A bulk loader that notes what it was asked for, and answers `row of k` for each key, at once or when told to. */
class BulkDatabase {
  readonly calls: Call[] = []
  held = false

  readonly load = (keys: readonly string[], { signal }: { signal: AbortSignal }): Promise<unknown[]> => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown[]>()
    const answer = (values: readonly unknown[] = keys.map((key) => `row of ${key}`)) => resolve([...values])
    this.calls.push({ keys, signal, answer, fail: reject })
    if (!this.held) answer()
    return promise
  }

  get asked(): readonly (readonly string[])[] {
    return this.calls.map((call) => call.keys)
  }
}

const tiers: Record<string, (stage: Stage) => Cache> = {
  'L1 alone': (stage) => stage.alone(),
  'L1 and L2': (stage) => stage.node().cache,
  'L2 alone': (stage) => stage.node({ l1: false }).cache,
}

describe.each(Object.entries(tiers))('%s', (_, open) => {
  test('answers in the order of the keys, from one call of the loader, and caches each', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const db = new BulkDatabase()
    expect(await cache.getOrSetMany(['b', 'a', 'c'], db.load)).toEqual(['row of b', 'row of a', 'row of c'])
    expect(db.asked).toEqual([['b', 'a', 'c']])
    expect(await cache.get('a')).toBe('row of a')
    expect(await cache.getOrSetMany(['c', 'd', 'a'], db.load)).toEqual(['row of c', 'row of d', 'row of a'])
    expect(db.asked).toEqual([['b', 'a', 'c'], ['d']])
  })

  test('duplicates are asked for once and answered each', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const db = new BulkDatabase()
    expect(await cache.getOrSetMany(['a', 'b', 'a', 'a'], db.load)).toEqual([
      'row of a',
      'row of b',
      'row of a',
      'row of a',
    ])
    expect(db.asked).toEqual([['a', 'b']])
  })

  test('no keys: no answer, no call', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const db = new BulkDatabase()
    expect(await cache.getOrSetMany([], db.load)).toEqual([])
    expect(await cache.getMany([])).toEqual([])
    expect(await cache.setMany([])).toEqual({ l2: 'applied', stored: true })
    expect(await cache.deleteMany([])).toEqual({ l2: 'applied' })
    expect(db.calls).toHaveLength(0)
  })

  test('a Map answers by key, whatever its order; what it lacks is undefined and not cached', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const loader = () =>
      new Map<string, string | null>([
        ['c', 'C'],
        ['a', null],
      ])
    expect(await cache.getOrSetMany(['a', 'b', 'c'], loader)).toEqual([null, undefined, 'C'])
    expect(await cache.getMany(['a', 'b', 'c'])).toEqual([null, undefined, 'C'])
    expect(await Promise.all(['a', 'b', 'c'].map((key) => cache.has(key)))).toEqual([true, false, true])
  })

  test('a Map of tuples answers by their parts: another array of the same ones is the same key', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    type UserKey = readonly ['user', number | { readonly id: number }]
    const keys: readonly UserKey[] = [
      ['user', 1],
      ['user', { id: 2 }],
    ]
    const rows = new Map<UserKey, string>([
      [['user', { id: 2 }], 'two'],
      [['user', 1], 'one'],
    ])
    expect(await cache.getOrSetMany(keys, () => rows)).toEqual(['one', 'two'])
    const error = await errorOf(cache.getOrSetMany([['user', 3]], () => []))
    expect(String(error)).toContain('was asked for 1 key ("[\\"user\\",3]")')
  })

  test('of thousands of keys an error names the first', async () => {
    await using stage = new Stage()
    const keys = Array.from({ length: 1_000 }, (_, i) => `k${i}`)
    const error = await errorOf(open(stage).getOrSetMany(keys, () => []))
    expect(String(error)).toContain('1000 keys ("k0", "k1", "k2", "k3", "k4", …)')
  })

  test('a value that no tier can keep is refused by key and path, and the others are stored', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const error = await errorOf(
      cache.getOrSetMany<string, unknown>(['a', 'b'], () => ['A', { save: () => 1 }]),
    )
    expect(error).toMatchObject({ code: 'unsupported_value', key: 'b' })
    expect(String(error)).toContain('value.save')
    await stage.settle()
    expect(await cache.getMany(['a', 'b'])).toEqual(['A', undefined])
  })

  test.for([
    ['fewer values than keys', ['A'], ['"a"', '"b"', '2', '1']],
    ['more values than keys', ['A', 'B', 'C'], ['"a"', '"b"', '2', '3']],
    ['no list at all', 'AB', ['"a"', '"b"', '"AB"']],
    ['nothing', undefined, ['"a"', '"b"', 'undefined']],
    ['a Set', new Set(['A', 'B']), ['"a"', '"b"', 'a Set']],
    ['an object', { a: 'A', b: 'B' }, ['"a"', '"b"', 'an object']],
    ['an iterator', ['A', 'B'].values(), ['"a"', '"b"']],
    [
      'a Map with keys that were not asked for',
      new Map([
        ['a', 'A'],
        ['x', 'X'],
      ]),
      ['"a"', '"b"', '"x"'],
    ],
    ['a Map with keys that are none', new Map<unknown, string>([[7, 'A']]), ['"a"', '"b"', '7']],
  ] as const)(
    'a loader that answers %s: a typed error that names the keys, nothing cached (B29)',
    async ([, answer, named]) => {
      await using stage = new Stage()
      const cache = open(stage)
      // @ts-expect-error what plain JavaScript may do
      const error = await errorOf(cache.getOrSetMany(['a', 'b'], () => answer))
      expect(error).toMatchObject({ code: 'invalid_load' })
      for (const text of named) expect(String(error)).toContain(text)
      expect(await cache.getMany(['a', 'b'])).toEqual([undefined, undefined])
    },
  )

  test("the loader's own error reaches the caller as itself, from one call", async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const down = new Error('database down')
    let calls = 0
    const loader = () => {
      calls++
      throw down
    }
    expect(await errorOf(cache.getOrSetMany(['a', 'b', 'c'], loader))).toBe(down)
    expect(calls).toBe(1)
  })

  test('what is cached is answered although the loader fails for it never', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    await cache.setMany([
      ['a', 'A'],
      ['b', 'B'],
    ])
    expect(await cache.getOrSetMany(['a', 'b'], () => Promise.reject(new Error('not asked')))).toEqual([
      'A',
      'B',
    ])
  })

  test('bulk loads of the same keys share their loads', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const db = new BulkDatabase()
    db.held = true
    const calls = [
      watched(cache.getOrSetMany(['a', 'b'], db.load)),
      watched(cache.getOrSetMany(['b', 'a', 'c'], db.load)),
      watched(cache.getOrSet('a', () => 'unused')),
    ]
    await stage.settle()
    expect(db.asked).toEqual([['a', 'b'], ['c']])
    for (const call of db.calls) call.answer()
    await stage.settle()
    expect(calls.map((call) => call())).toEqual([
      { value: ['row of a', 'row of b'] },
      { value: ['row of b', 'row of a', 'row of c'] },
      { value: 'row of a' },
    ])
  })

  test('a bulk loader is fenced like a single one: a key deleted meanwhile is not stored', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const db = new BulkDatabase()
    db.held = true
    const call = watched(cache.getOrSetMany(['a', 'b'], db.load))
    await stage.settle()
    await cache.delete('a')
    db.calls[0]?.answer()
    await stage.settle()
    expect(call()).toEqual({ value: ['row of a', 'row of b'] })
    expect(await cache.getMany(['a', 'b'])).toEqual([undefined, 'row of b'])
  })

  test('the signal fires when the caller has left, and not while others wait for one of the keys', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const db = new BulkDatabase()
    db.held = true
    const leaver = new AbortController()
    const bulk = watched(cache.getOrSetMany(['a', 'b'], db.load, { signal: leaver.signal }))
    await stage.settle()
    const single = watched(cache.getOrSet('a', () => 'unused'))
    await stage.settle()
    leaver.abort()
    await stage.settle()
    expect(bulk()).toEqual({ error: 'aborted' })
    expect(db.calls[0]?.signal.aborted).toBe(false)
    db.calls[0]?.answer()
    await stage.settle()
    expect(single()).toEqual({ value: 'row of a' })
    const alone = new AbortController()
    watched(cache.getOrSetMany(['c', 'd'], db.load, { signal: alone.signal }))
    await stage.settle()
    alone.abort()
    await stage.settle()
    expect(db.calls[1]?.signal.aborted).toBe(true)
  })

  test('stale values are answered, and refreshed by one bulk load', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const options = { ttl: '1s', swr: '1h' } as const
    const db = new BulkDatabase()
    await cache.getOrSetMany(['a', 'b', 'c'], db.load, options)
    await stage.advance(1_000)
    db.held = true
    expect(await cache.getOrSetMany(['a', 'b', 'c'], db.load, options)).toEqual([
      'row of a',
      'row of b',
      'row of c',
    ])
    await stage.settle()
    expect(db.calls[1]?.keys.toSorted()).toEqual(['a', 'b', 'c'])
    expect(db.calls).toHaveLength(2)
    db.calls[1]?.answer(['new a', 'new b', 'new c'])
    await stage.settle()
    expect(await cache.getMany(['a', 'b', 'c'])).toEqual(['new a', 'new b', 'new c'])
  })

  test('1,000 keys are one call of the loader', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const db = new BulkDatabase()
    const keys = Array.from({ length: 1_000 }, (_, i) => `k${i}`)
    const values = await cache.getOrSetMany(keys, db.load)
    expect(values[999]).toBe('row of k999')
    expect(db.calls).toHaveLength(1)
  })
})

describe('between processes', () => {
  test('keys that another process loads do not hold up the others', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    const [elsewhere, here] = [new BulkDatabase(), new BulkDatabase()]
    elsewhere.held = true
    const first = watched(a.cache.getOrSetMany(['busy'], elsewhere.load))
    await stage.settle()
    const second = watched(b.cache.getOrSetMany(['x', 'busy', 'y'], here.load))
    await stage.settle()
    // Loaded and stored, before the busy one is there.
    expect(here.asked).toEqual([['x', 'y']])
    expect(await a.cache.getMany(['x', 'y'])).toEqual(['row of x', 'row of y'])
    expect(second()).toBe('pending')
    elsewhere.calls[0]?.answer(['from a'])
    await stage.advance(100)
    expect(first()).toEqual({ value: ['from a'] })
    expect(second()).toEqual({ value: ['row of x', 'from a', 'row of y'] })
    expect(here.calls).toHaveLength(1)
  })

  test('two bulk loads that overlap crosswise do not wait for each other', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    const [left, right] = [new BulkDatabase(), new BulkDatabase()]
    left.held = true
    right.held = true
    // Each wins one lease and finds the other one taken.
    const calls = [
      watched(a.cache.getOrSetMany(['x'], left.load)),
      watched(b.cache.getOrSetMany(['y'], right.load)),
    ]
    await stage.settle()
    calls.push(
      watched(a.cache.getOrSetMany(['x', 'y', 'p'], left.load)),
      watched(b.cache.getOrSetMany(['y', 'x', 'q'], right.load)),
    )
    await stage.settle()
    for (const call of [...left.calls, ...right.calls]) call.answer()
    await stage.advance(200)
    expect(calls.map((call) => call())).toEqual([
      { value: ['row of x'] },
      { value: ['row of y'] },
      { value: ['row of x', 'row of y', 'row of p'] },
      { value: ['row of y', 'row of x', 'row of q'] },
    ])
    expect([...left.asked, ...right.asked].flat().toSorted()).toEqual(['p', 'q', 'x', 'y'])
  })

  test('nor in the same moment, in opposite orders', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    const keys = Array.from({ length: 50 }, (_, i) => `k${i}`)
    const [left, right] = [new BulkDatabase(), new BulkDatabase()]
    const both = [
      watched(a.cache.getOrSetMany(keys, left.load)),
      watched(b.cache.getOrSetMany(keys.toReversed(), right.load)),
    ]
    await stage.advance(200)
    expect(both.map((call) => call() !== 'pending')).toEqual([true, true])
    expect([...left.asked, ...right.asked].flat()).toHaveLength(50)
  })

  test('a process that dies in its bulk load costs the others its lease, not more', async () => {
    await using stage = new Stage()
    const [dead, alive] = [stage.node(), stage.node()]
    const [lost, db] = [new BulkDatabase(), new BulkDatabase()]
    lost.held = true
    watched(dead.cache.getOrSetMany(['a', 'b'], lost.load))
    await stage.settle()
    dead.connection.disconnect()
    const call = watched(alive.cache.getOrSetMany(['a', 'b', 'c'], db.load))
    await stage.advance(1_200)
    expect(call()).toEqual({ value: ['row of a', 'row of b', 'row of c'] })
    expect(db.asked[0]).toEqual(['c'])
    expect(db.asked.flat().toSorted()).toEqual(['a', 'b', 'c'])
  })
})

test('one key, or one value, is told of in the singular', async () => {
  await using stage = new Stage()
  const error = await errorOf(stage.node().cache.getOrSetMany(['a', 'b'], () => [1]))
  expect(String(error)).toContain('was asked for 2 keys ("a", "b") and answered 1 value; answer a Map')
  const other = await errorOf(stage.node().cache.getOrSetMany(['a'], () => [1, 2]))
  expect(String(other)).toContain('was asked for 1 key ("a") and answered 2 values; answer a Map')
})
