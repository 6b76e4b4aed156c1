/** What users hang into the cache may throw, hang or answer nonsense: a call is another for it only where it must be (B40). */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Cache } from '../cache.ts'
import { namedType } from '../codec/named-types.ts'
import type { TroubleEvent } from '../events.ts'
import type { CacheOptions, CodecWrap, StandardSchema } from '../options.ts'
import { codeOf, errorOf, watched } from '../testing/outcome.ts'
import { Stage } from '../testing/stage.ts'

let troubles: string[] = []
const listen = (event: unknown): void => {
  if (isTrouble(event)) troubles.push(event.what)
}
function isTrouble(event: unknown): event is TroubleEvent {
  return typeof event === 'object' && event !== null && 'what' in event
}
beforeEach(() => {
  troubles = []
  subscribe('holdfast:trouble', listen)
})
afterEach(() => void unsubscribe('holdfast:trouble', listen))

const broken = new Error('broken')
const fail = (): never => {
  throw broken
}

type Open = (stage: Stage, options?: Partial<CacheOptions>) => Cache
const tiers: Record<string, Open> = {
  'L1 alone': (stage, options) => stage.alone(options),
  'L1 and L2': (stage, options) => stage.node(options).cache,
  'L2 alone': (stage, options) => stage.node({ l1: false, ...options }).cache,
}

/** What plain JavaScript may pass in place of a function's type. */
function unchecked<T>(given: unknown): T {
  return JSON.parse('{}', () => given)
}

function schema(answer: (value: unknown) => unknown): StandardSchema {
  return { '~standard': { version: 1, vendor: 'test', validate: unchecked(answer) } }
}
const hanging = schema(() => new Promise(() => undefined))
const accepting = schema((value) => ({ value }))

describe.each(Object.entries(tiers))('validate, %s', (_, open) => {
  const nonsense: readonly unknown[] = [
    ...[undefined, null, 0, 'abc', Symbol('s'), {}, [], new Map(), () => 1],
    ...[{ issues: null }, { issues: 'abc' }, { issues: 7 }, { issues: [null] }, { issues: {} }],
  ]
  test.for(nonsense.map((answer) => [answer]))(
    'that answers %o is invalid_load, at once or later',
    async ([answer]) => {
      await using stage = new Stage()
      const cache = open(stage)
      for (const validate of [schema(() => answer), schema(async () => answer)]) {
        expect(await codeOf(cache.getOrSet('k', () => 'v', { validate }))).toBe('invalid_load')
        expect(await codeOf(cache.set('k', 'v', { validate }))).toBe('invalid_load')
      }
      expect(await cache.getOrSet('k', () => 'v', { validate: accepting })).toBe('v')
    },
  )

  test('that never answers ends a load at its hardTimeout, and holds up nobody after it', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    const call = watched(cache.getOrSet('k', () => 'v', { validate: hanging, hardTimeout: '1s' }))
    await stage.advance(999)
    expect(call()).toBe('pending')
    await stage.advance(1)
    expect(call()).toEqual({ error: 'loader_timeout' })
    expect(await cache.getOrSet('k', () => 'v')).toBe('v')
  })

  test('that never answers ends a set at the hardTimeout of its cache, and nothing is stored', async () => {
    await using stage = new Stage()
    const cache = open(stage, { hardTimeout: '1s' })
    const call = watched(cache.set('k', 'v', { validate: hanging }))
    await stage.advance(999)
    expect(call()).toBe('pending')
    await stage.advance(1)
    expect(call()).toEqual({ error: 'invalid_load' })
    expect(await cache.get('k')).toBeUndefined()
    expect(stage.clock.pendingTimers).toBeLessThan(5)
  })
})

describe('validate on a read of L2', () => {
  test('that never answers is a miss after l2Timeout, told of once', async () => {
    await using stage = new Stage()
    await stage.node().cache.set('k', 'v')
    const { cache } = stage.node({ l2Timeout: 250 })
    await cache.get('warm-up')
    const call = watched(cache.get('k', { validate: hanging }))
    await stage.advance(249)
    expect(call()).toBe('pending')
    await stage.advance(1)
    expect(call()).toEqual({ value: undefined })
    expect(troubles).toEqual(['decode_failed'])
  })

  test('that never answers is loaded anew by who can: one budget for both waits', async () => {
    await using stage = new Stage()
    await stage.node().cache.set('k', 'old')
    const { cache } = stage.node({ l2Timeout: 250 })
    await cache.get('warm-up')
    let asked = 0
    const once = schema((value) => (asked++ === 0 ? new Promise(() => undefined) : { value }))
    const call = watched(cache.getOrSet('k', () => 'new', { validate: once }))
    await stage.advance(249)
    expect(call()).toBe('pending')
    await stage.advance(1)
    expect(call()).toEqual({ value: 'new' })
  })

  test('that answers after its time, or rejects then, changes nothing any more', async () => {
    await using stage = new Stage()
    await stage.node().cache.set('k', 'v')
    const { cache } = stage.node({ l2Timeout: 250 })
    await cache.get('warm-up')
    const late = Promise.withResolvers<unknown>()
    const call = watched(cache.get('k', { validate: schema(() => late.promise) }))
    await stage.advance(250)
    expect(call()).toEqual({ value: undefined })
    late.reject(broken)
    await stage.settle()
    expect(await cache.get('k')).toBe('v')
  })

  test('that takes its time makes nothing live longer', async () => {
    await using stage = new Stage()
    await stage.node().cache.set('k', 'v', { ttl: '1s' })
    const { cache } = stage.node({ l2Timeout: 250 })
    await cache.get('warm-up')
    const slow = schema((value) => new Promise((resolve) => stage.clock.after(200, () => resolve({ value }))))
    const call = watched(cache.get('k', { validate: slow }))
    await stage.advance(200)
    expect(call()).toEqual({ value: 'v' })
    expect(await cache.ttl('k')).toBe(800)
  })

  test('that throws is a miss, which the load overwrites', async () => {
    await using stage = new Stage()
    await stage.node().cache.set('k', 'old')
    const { cache } = stage.node()
    let asked = 0
    const once = schema((value) => (asked++ === 0 ? fail() : { value }))
    expect(await cache.getOrSet('k', () => 'new', { validate: once })).toBe('new')
    expect(troubles).toEqual(['decode_failed'])
    await stage.settle()
    expect(await stage.node().cache.get('k')).toBe('new')
  })
})

const wrong: Record<string, () => unknown> = {
  throws: fail,
  'answers a promise that rejects': async () => fail(),
  'answers a promise that hangs': () => new Promise(() => undefined),
  'answers text': () => 'bytes',
  'answers null': () => null,
  'answers nothing': () => undefined,
}

describe.each(Object.entries(wrong))('a codec wrap that %s', (title, answer) => {
  const plain: CodecWrap = { id: 7, encode: (bytes) => bytes, decode: (bytes) => bytes }

  test('on its way in: a loaded value is answered and not stored, told of once; set refuses it', async () => {
    await using stage = new Stage()
    const { cache } = stage.node({ codec: { ...plain, encode: unchecked(answer) } })
    await cache.get('warm-up')
    expect(await cache.getOrSet('k', () => 'v')).toBe('v')
    await stage.settle()
    expect(troubles).toEqual(['l2.write_failed'])
    expect(await stage.node({ codec: plain }).cache.get('k')).toBeUndefined()
    const error = await errorOf(cache.set('k', 'v'))
    expect(error).toMatchObject({ code: 'unsupported_value' })
    if (title === 'throws') expect(error).toMatchObject({ key: 'k', cause: broken })
    expect(troubles).toHaveLength(1)
  })

  test('on its way out: a miss, told of once, which the load overwrites', async () => {
    await using stage = new Stage()
    await stage.node({ codec: plain }).cache.set('k', 'old')
    const { cache } = stage.node({ codec: { ...plain, decode: unchecked(answer) } })
    expect(await cache.getOrSet('k', () => 'new')).toBe('new')
    expect(troubles).toEqual(['decode_failed'])
    await stage.settle()
    expect(await stage.node({ codec: plain }).cache.get('k')).toBe('new')
  })
})

class Money {
  readonly cents = 1
}

describe.each(Object.entries(tiers))('a registered type, %s', (_, open) => {
  const money = {
    name: 'Money',
    is: (value: unknown): value is Money => value instanceof Money,
    encode: (): unknown => 1,
    decode: () => new Money(),
  }
  const bad = {
    'is throws': { ...money, is: (_: unknown): _ is Money => fail() },
    'encode throws': { ...money, encode: fail },
    'encode answers a promise that rejects': { ...money, encode: async () => fail() },
    'encode answers a function': { ...money, encode: () => fail },
  }
  test.for(Object.entries(bad))(
    'whose %s: its values are refused by path, others are not',
    async ([, type]) => {
      await using stage = new Stage()
      const cache = open(stage, { types: [namedType(type)] })
      for (const call of [
        () => cache.getOrSet('k', () => [new Money()]),
        () => cache.set('k', [new Money()]),
      ]) {
        expect(await errorOf(call())).toMatchObject({
          code: 'unsupported_value',
          message: expect.stringMatching(/^value\[0\](\.<Money>)?: |type "Money"/),
        })
      }
      expect(await cache.getOrSet('k', () => ['plain'])).toEqual(['plain'])
    },
  )
})

test('a registered type whose decode throws is a miss, told of once, which the load overwrites', async () => {
  await using stage = new Stage()
  const money = {
    name: 'Money',
    is: (value: unknown): value is Money => value instanceof Money,
    encode: () => 1,
    decode: () => new Money(),
  }
  await stage.node({ types: [namedType(money)] }).cache.set('k', new Money())
  const { cache } = stage.node({ types: [namedType({ ...money, decode: fail })] })
  expect(await cache.getOrSet('k', () => 'new')).toBe('new')
  expect(troubles).toEqual(['decode_failed'])
})

describe.each(Object.entries(tiers))('tags derived from the value, %s', (_, open) => {
  test('that throw are the error of the call, and nothing is stored', async () => {
    await using stage = new Stage()
    const cache = open(stage)
    expect(await errorOf(cache.getOrSet('k', () => 'v', { tags: fail }))).toBe(broken)
    expect(await errorOf(cache.set('k', 'v', { tags: fail }))).toBe(broken)
    expect(await cache.getOrSet('k', () => 'v')).toBe('v')
  })

  test.for([[undefined], [null], ['tag'], [[7]], [['']], [new Set(['a'])], [async () => fail()]])(
    'that are %o are refused, and nothing is stored',
    async ([answer]) => {
      await using stage = new Stage()
      const cache = open(stage)
      const given: unknown = typeof answer === 'function' ? answer() : answer
      const tags = (): readonly string[] => unchecked(given)
      expect(await codeOf(cache.getOrSet('k', () => 'v', { tags }))).toBe('invalid_argument')
      expect(await codeOf(cache.set('k', 'v', { tags }))).toBe('invalid_argument')
      expect(await cache.getOrSet('k', () => 'v')).toBe('v')
    },
  )
})

test('a clock is no hook: what it throws ends the call, and the next one is as if nothing had been', async () => {
  await using stage = new Stage()
  let isBroken = false
  const { clock } = stage
  const cache = stage.alone({
    clock: {
      now: () => (isBroken ? fail() : clock.now()),
      wallNow: () => clock.wallNow(),
      after: (ms, fire, purpose) => clock.after(ms, fire, purpose),
      random: () => clock.random(),
      token: () => clock.token(),
    },
  })
  await cache.set('k', 'v')
  isBroken = true
  expect(await errorOf(cache.get('k'))).toBe(broken)
  expect(await errorOf(cache.getOrSet('x', () => 'v'))).toBe(broken)
  isBroken = false
  expect(await cache.get('k')).toBe('v')
  expect(await cache.getOrSet('x', () => 'v')).toBe('v')
})
