import { memoryStore } from '@holdfast/testkit'
import { describe, expect, test } from 'vitest'
import { inProcessBus } from './bus/in-process-bus.ts'
import type { Cache } from './cache.ts'
import { createCache } from './create-cache.ts'
import { SLICE_MAX } from './flow/in-slices.ts'
import type { StandardSchema } from './options.ts'
import { Database } from './testing/database.ts'
import { codeOf, watched } from './testing/outcome.ts'
import { Stage } from './testing/stage.ts'

/** Every option, and what it may not be. Absent is not null: that is what a missing setting of a JSON file becomes. */
const neverNull = {
  cache: [
    ...[
      'name',
      'l1',
      'l2',
      'ttl',
      'swr',
      'staleIfError',
      'negativeTtl',
      'jitter',
      'earlyRefresh',
      'softTimeout',
    ],
    ...[
      'hardTimeout',
      'l2Timeout',
      'maxConcurrentLoads',
      'maxValueBytes',
      'isolation',
      'types',
      'codec',
      'logger',
    ],
    ...['onEvent', 'clock'],
  ],
  l1: ['maxEntries', 'maxBytes', 'policy', 'mode', 'maxStale', 'bus'],
}

describe('createCache', () => {
  test.for(neverNull.cache)('refuses %s where it is null, by its name (B34)', (name) => {
    const options = JSON.parse(`{"name":"a","${name}":null}`)
    expect(() => createCache(options)).toThrow(new RegExp(`^${name}: expected`))
  })

  test.for(neverNull.l1)('refuses l1.%s where it is null, by its name (B34)', (name) => {
    const options = JSON.parse(`{"name":"a","l1":{"${name}":null}}`)
    expect(() => createCache(options)).toThrow(new RegExp(`^(l1\\.)?${name}: expected`))
  })

  test.for([
    [undefined],
    [null],
    ['a'],
    [[]],
    [() => 1],
    [new Map([['name', 'a']])],
    [Promise.resolve({ name: 'a' })],
  ])('refuses options that are %o', ([options]) => {
    // @ts-expect-error what plain JavaScript may do
    expect(() => createCache(options)).toThrow('options: expected an object')
  })

  test('own __proto__ from JSON is an unknown option, on every level (B34)', () => {
    for (const options of [
      '"__proto__":{"ttl":1}',
      '"l1":{"__proto__":{"mode":"none"}}',
      '"ttl":{"__proto__":1}',
    ]) {
      expect(() => createCache(JSON.parse(`{"name":"a",${options}}`))).toThrow('unknown option "__proto__"')
    }
    expect(Reflect.get({}, 'ttl')).toBe(undefined)
  })

  test('knows its options by these names, and no other', () => {
    for (const name of neverNull.cache.slice(1)) {
      const options = JSON.parse(`{"name":"a","${name}x":null}`)
      expect(() => createCache(options)).toThrow(`did you mean ${name}?`)
    }
  })

  test.for([
    [{}, 'name: expected a non-empty string'],
    [{ name: '' }, 'name: expected a non-empty string'],
    [{ name: 'a', tll: '1s' }, 'did you mean ttl?'],
    [{ name: 'a', tags: ['t'] }, 'unknown option "tags"; tags is an option of a call'],
    [{ name: 'a', signal: 1 }, 'unknown option "signal"; signal is an option of a call'],
    [
      { name: 'a', l1: true },
      'l1: expected an object of options, false, or nothing (L1 is on then), got true',
    ],
    [{ name: 'a', l1: { maxEntires: 1 } }, 'did you mean maxEntries?'],
    [{ name: 'a', l1: { maxEntries: 0 } }, 'l1.maxEntries: expected a whole number from 1'],
    [{ name: 'a', l1: { maxEntries: '10' } }, 'l1.maxEntries'],
    [{ name: 'a', l1: { maxBytes: '10 pounds' } }, 'l1.maxBytes: expected a size'],
    [{ name: 'a', l1: { policy: 'fifo' } }, "l1.policy: expected 'lru'"],
    [{ name: 'a', l1: { mode: 'fast' } }, "l1.mode: expected 'strong', 'tracked', 'bus' or 'none'"],
    [
      { name: 'a', l1: { mode: 'bus' } },
      "l1.bus: expected a bus for mode 'bus', e.g. redisBus('redis://127.0.0.1'), got undefined",
    ],
    [{ name: 'a', l1: { mode: 'bus', bus: 'redis://localhost' } }, "l1.bus: expected a bus for mode 'bus'"],
    [{ name: 'a', l1: { bus: inProcessBus() } }, "l1.mode: expected 'bus' beside l1.bus, got undefined"],
    [{ name: 'a', l1: { mode: 'none', bus: inProcessBus() } }, "l1.mode: expected 'bus' beside l1.bus"],
    [{ name: 'a', l1: { mode: 'bus', bus: inProcessBus() } }, "l2: expected a shared tier for l1.mode 'bus'"],
    [{ name: 'a', l1: { maxStale: 0 } }, 'l1.maxStale: expected a duration'],
    [{ name: 'a', l1: { maxStale: 9.9 } }, 'l1.maxStale: expected at least 10ms, got 9.9'],
    [{ name: 'a', maxConcurrentLoads: 0 }, 'maxConcurrentLoads: expected a whole number from 1'],
    [{ name: 'a', logger: { info: () => 1 } }, 'logger: expected an object with the functions info and warn'],
    [{ name: 'a', types: [{ name: 'T' }] }, 'types[0].is: expected a function'],
    [{ name: 'a', l2: 'redis://localhost' }, 'l2: expected a store'],
    [{ name: 'a', l2Timeout: 0 }, 'l2Timeout: expected a duration'],
    [{ name: 'a', maxValueBytes: -1 }, 'maxValueBytes: expected a size'],
    [{ name: 'a', isolation: 'none' }, "isolation: expected 'freeze', 'clone' or 'share'"],
    [{ name: 'a', ttl: 0 }, 'ttl: expected a duration'],
    [{ name: 'a', codec: { id: 0 } }, 'codec.id'],
  ] as const)('refuses %o: %s', ([options, message]) => {
    // @ts-expect-error what plain JavaScript may do
    expect(() => createCache(options)).toThrow(message)
    // @ts-expect-error what plain JavaScript may do
    expect(() => createCache(options)).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
  })

  test.each([
    ['short', 'got 5 bytes'],
    [new Uint8Array(15), 'got 15 bytes'],
    [12_345, 'got a number'],
  ])('a secret of the bus that is none is refused, and not repeated', (secret, got) => {
    const bus = { ...inProcessBus(), secret }
    // @ts-expect-error what plain JavaScript may do
    const make = () => createCache({ name: 'a', l2: memoryStore(), l1: { mode: 'bus', bus } })
    expect(make).toThrow(`secret of the bus: expected text or bytes, at least 16 of them, ${got}`)
    expect(make).not.toThrow('short')
  })

  test('a bus that refuses to open takes the store with it', () => {
    const l2 = memoryStore()
    const bus = {
      open: () => {
        throw new Error('no such topic')
      },
    }
    expect(() => createCache({ name: 'a', l2, l1: { mode: 'bus', bus } })).toThrow('no such topic')
    expect(l2.server.connections).toEqual([])
  })

  test('logs one line of what is live, on one line whatever the name', async () => {
    await using stage = new Stage()
    const lines: string[] = []
    const logger = {
      info: (line: string) => void lines.push(line),
      warn: (line: string) => void lines.push(line),
    }
    stage.alone({ logger, name: 'shop\n[ERROR] forged' })
    expect(lines).toEqual(['cache "shop\\n[ERROR] forged": L1 lru, at most 10000 entries; L2 none'])
    stage.node({ logger, l1: { mode: 'strong', policy: 'lfu', maxEntries: 5 } })
    expect(lines).toContain('cache "shop": L1 strong, lfu, at most 5 entries; L2 memory')
    stage.node({ logger, l1: { mode: 'none', maxStale: '500ms' } })
    const behind = 'L1 up to 0.5 s behind other processes (mode none), lru, at most 10000 entries'
    expect(lines).toContain(`cache "shop": ${behind}; L2 memory`)
    stage.node({ logger, l1: false })
    expect(lines).toContain('cache "shop": L1 off; L2 memory')
  })

  test('a logger that throws is counted, and changes nothing', async () => {
    await using stage = new Stage()
    const logger = {
      info: () => {
        throw new Error('disk full')
      },
      warn: () => undefined,
    }
    const { cache } = stage.node({ logger })
    expect(await cache.getOrSet('k', () => 'v')).toBe('v')
    expect(cache.stats().hookErrors).toBeGreaterThan(0)
  })
})

describe('close', () => {
  /** Answers after a while. */
  function slowSchema({ clock }: Stage, afterMs: number): StandardSchema<string> {
    const validate = (value: unknown) =>
      new Promise<{ value: string }>((answer) => {
        clock.after(afterMs, () => answer({ value: String(value) }))
      })
    return { '~standard': { version: 1, vendor: 'test', validate } }
  }

  test('is idempotent, ends every timer, and answers what was not applied', async () => {
    await using stage = new Stage()
    for (const cache of [stage.alone(), stage.node().cache, stage.node({ l1: false }).cache]) {
      await cache.getOrSet('k', () => 'v', { ttl: '1s', swr: '1h' })
      expect(await cache.close()).toEqual({ notApplied: 0 })
      expect(await cache.close()).toEqual({ notApplied: 0 })
    }
    expect(stage.clock.pendingTimers).toBe(0)
  })

  test('during loads: every waiter gets the error closed, loaders are told, nothing is left behind', async () => {
    await using stage = new Stage()
    for (const cache of [stage.alone(), stage.node().cache, stage.node({ l1: false }).cache]) {
      const db = new Database('v')
      db.hold()
      const calls = [
        watched(cache.getOrSet('k', db.load)),
        watched(cache.getOrSet('k', db.load, { signal: new AbortController().signal })),
        watched(
          cache.getOrSetMany(['a', 'b'], (keys) =>
            Promise.all(keys.map(() => db.value)).then(() => new Promise<never>(() => undefined)),
          ),
        ),
        watched(cache.reserve('r')),
      ]
      await stage.settle()
      const closed = watched(cache.close())
      await stage.settle()
      expect(closed()).toEqual({ value: { notApplied: 0 } })
      expect(calls.slice(0, 3).map((call) => call())).toEqual([
        { error: 'closed' },
        { error: 'closed' },
        { error: 'closed' },
      ])
      expect(db.loads[0]?.context.signal.aborted).toBe(true)
    }
    expect(stage.clock.pendingTimers).toBe(0)
  })

  test('gives leases back: other processes load at once', async () => {
    await using stage = new Stage()
    const [closing, other] = [stage.node(), stage.node()]
    watched(closing.cache.getOrSet('k', () => new Promise<never>(() => undefined)))
    await stage.settle()
    const call = watched(other.cache.getOrSet('k', () => 'v'))
    await stage.settle()
    expect(call()).toBe('pending')
    await closing.cache.close()
    await stage.settle()
    expect(call()).toEqual({ value: 'v' })
  })

  test('during an invalidation: it is applied, or counted where L2 does not answer', async () => {
    await using stage = new Stage()
    const { cache, connection } = stage.node()
    await cache.get('warm-up')
    connection.hold()
    const deleting = watched(cache.delete('k'))
    await stage.settle()
    const closed = watched(cache.close())
    await stage.settle()
    connection.release()
    await stage.settle()
    expect([deleting(), closed()]).toEqual([{ value: { l2: 'applied' } }, { value: { notApplied: 0 } }])

    const frozen = stage.node()
    await frozen.cache.get('warm-up')
    stage.server.pause()
    const unanswered = watched(frozen.cache.delete('k'))
    await stage.settle()
    const givenUp = watched(frozen.cache.close())
    await stage.advance(500)
    expect([unanswered(), givenUp()]).toEqual([{ value: { l2: 'queued' } }, { value: { notApplied: 1 } }])
    expect(stage.clock.pendingTimers).toBe(0)
  })

  test('during a set: it is stored, or counted where L2 does not answer', async () => {
    await using stage = new Stage()
    const { cache, connection } = stage.node()
    await cache.get('warm-up')
    connection.hold()
    const setting = watched(cache.set('k', 'v'))
    await stage.settle()
    const closed = watched(cache.close())
    await stage.settle()
    connection.release()
    await stage.settle()
    expect([setting(), closed()]).toEqual([
      { value: { l2: 'applied', stored: true } },
      { value: { notApplied: 0 } },
    ])
    expect(await stage.node().cache.get('k')).toBe('v')

    const frozen = stage.node()
    await frozen.cache.get('warm-up')
    stage.server.pause()
    const unanswered = watched(frozen.cache.set('k', 'v'))
    await stage.settle()
    const givenUp = watched(frozen.cache.close())
    await stage.advance(500)
    expect([unanswered(), givenUp()]).toEqual([
      { value: { l2: 'queued', stored: false } },
      { value: { notApplied: 1 } },
    ])
  })

  test.each([
    ['setMany', 1, (cache: Cache, keys: string[]) => cache.setMany(keys.map((key) => [key, 1]))],
    ['deleteMany', undefined, (cache: Cache, keys: string[]) => cache.deleteMany(keys)],
  ] as const)('during a %s: all of it is done, whatever the number of its slices', async (_, left, act) => {
    await using stage = new Stage()
    const [{ cache, connection }, other] = [stage.node(), stage.node().cache]
    const keys = Array.from({ length: 2 * SLICE_MAX + 1 }, (_, i) => `k${i}`)
    await other.set('k0', 0)
    await other.set(`k${2 * SLICE_MAX}`, 0)
    await cache.get('warm-up')
    connection.hold()
    const acting = watched(act(cache, keys))
    await stage.settle()
    const closed = watched(cache.close())
    connection.release()
    await stage.settle()
    expect(acting()).toMatchObject({ value: { l2: 'applied' } })
    expect(closed()).toEqual({ value: { notApplied: 0 } })
    expect(await other.getMany(['k0', `k${2 * SLICE_MAX}`])).toEqual([left, left])
  })

  test('during a setMany of which one is refused: the others are waited for, and what they are owed is counted', async () => {
    await using stage = new Stage()
    const entries = [
      ['good', 'v'],
      ['refused', Symbol('refused')],
    ] as const
    const { cache, connection } = stage.node()
    await cache.get('warm-up')
    connection.hold()
    watched(cache.setMany<unknown>(entries))
    await stage.settle()
    const closed = watched(cache.close())
    await stage.settle()
    expect(closed()).toBe('pending')
    connection.release()
    await stage.settle()
    expect(closed()).toEqual({ value: { notApplied: 0 } })
    expect(await stage.node().cache.get('good')).toBe('v')

    const frozen = stage.node()
    await frozen.cache.get('warm-up')
    stage.server.pause()
    watched(frozen.cache.setMany<unknown>(entries))
    await stage.settle()
    const givenUp = watched(frozen.cache.close())
    await stage.advance(500)
    expect(givenUp()).toEqual({ value: { notApplied: 1 } })
  })

  test('during a set that its schema still looks at: it is stored, on whichever tiers there are', async () => {
    await using stage = new Stage()
    for (const cache of [stage.alone(), stage.node().cache]) {
      await cache.get('warm-up')
      const setting = watched(cache.set('k', 'v', { validate: slowSchema(stage, 2_000) }))
      const closed = watched(cache.close())
      await stage.advance(1_999)
      expect([setting(), closed()]).toEqual(['pending', 'pending'])
      await stage.advance(1)
      expect(setting()).toEqual({ value: { l2: 'applied', stored: true } })
      expect(closed()).toEqual({ value: { notApplied: 0 } })
    }
    expect(await stage.node().cache.get('k')).toBe('v')
  })

  test('waits no longer than three seconds for what was begun, and counts it', async () => {
    await using stage = new Stage()
    for (const cache of [stage.alone(), stage.node().cache]) {
      await cache.get('warm-up')
      const setting = watched(cache.set('late', 'v', { validate: slowSchema(stage, 3_001) }))
      const closed = watched(cache.close())
      await stage.advance(2_999)
      expect(closed()).toBe('pending')
      await stage.advance(1)
      expect(closed()).toEqual({ value: { notApplied: 1 } })
      await stage.advance(1)
      expect(setting()).toEqual({ error: 'closed' })
      expect(cache.stats().l1.entries).toBe(0)
    }
    expect(await stage.node().cache.get('late')).toBeUndefined()
  })

  test('in every namespace at once: their waits are not added up', async () => {
    await using stage = new Stage()
    const { cache } = stage.node()
    await cache.get('warm-up')
    stage.server.pause()
    for (let i = 0; i < 20; i++) watched(cache.namespace(`n${i}`).delete('k'))
    await stage.settle()
    const closed = watched(cache.close())
    await stage.advance(500)
    expect(closed()).toEqual({ value: { notApplied: 20 } })
  })

  test('while L2 is frozen or away it does not wait for long', async () => {
    await using stage = new Stage()
    const frozen = stage.node()
    await frozen.cache.get('warm-up')
    const away = stage.node()
    away.connection.disconnect()
    await away.cache.delete('k')
    stage.server.pause()
    watched(frozen.cache.getOrSet('k', () => 'v'))
    const closing = [watched(frozen.cache.close()), watched(away.cache.close())]
    await stage.advance(500)
    expect(closing.map((call) => call())).toEqual([
      { value: { notApplied: 0 } },
      { value: { notApplied: 1 } },
    ])
    expect(stage.clock.pendingTimers).toBe(0)
  })

  test('afterwards every method says closed, in every namespace', async () => {
    await using stage = new Stage()
    for (const cache of [stage.alone(), stage.node().cache]) {
      const inner = cache.namespace('inner')
      const wrapped = cache.wrap(() => 1, { key: () => 'k' })
      await inner.close()
      for (const one of [cache, inner]) {
        const calls = [
          () => one.get('k'),
          () => one.getMany(['k']),
          () => one.getEntry('k'),
          () => one.has('k'),
          () => one.ttl('k'),
          () => one.getOrSet('k', () => 1),
          () => one.getOrSetMany(['k'], (keys) => keys.map(() => 1)),
          () => one.refresh('k', () => 1),
          () => one.reserve('k'),
          () => one.set('k', 1),
          () => one.setMany([['k', 1]]),
          () => one.delete('k'),
          () => one.deleteMany(['k']),
          () => one.expire('k'),
          () => one.invalidateTag('t'),
          () => one.invalidateTags(['t']),
          () => one.expireTag('t'),
          () => one.clear(),
          () => one.write({ keys: ['k'] }, () => 1),
          () => one.barrier(),
          () => one.explain('k'),
          () => one.inspect(),
          wrapped,
        ]
        for (const call of calls) expect(await codeOf(call()), String(call)).toBe('closed')
        expect(() => one.namespace('new')).toThrow('is closed')
        expect(one.stats().requests).toBe(0)
      }
    }
  })

  test('await using closes', async () => {
    await using stage = new Stage()
    const outer = stage.node().cache
    {
      await using cache = outer
      await cache.set('k', 1)
    }
    expect(await codeOf(outer.get('k'))).toBe('closed')
  })
})

describe('inspect', () => {
  test('answers the facts of the server, and undefined without one', async () => {
    await using stage = new Stage()
    const { cache } = stage.node()
    expect(await cache.inspect()).toMatchObject({ server: 'memory', evictionPolicy: 'noeviction' })
    expect(await stage.alone().inspect()).toBeUndefined()
  })
})
