import { Readable } from 'node:stream'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { CacheError } from '../errors.ts'
import type { Isolation } from '../options.ts'
import { createCodec } from './codec.ts'
import { NamedTypes, noTypes } from './named-types.ts'
import { handOut, type Sealed, type SealOptions, seal } from './seal.ts'

const loaded = (value: unknown, isolation: Isolation = 'freeze'): Sealed =>
  seal(value, { isolation, origin: 'loaded', types: noTypes })
const given = (value: unknown, isolation: Isolation = 'freeze'): Sealed =>
  seal(value, { isolation, origin: 'given', types: noTypes })

function refusal(value: unknown, options: Partial<SealOptions> = {}): string {
  try {
    seal(value, { isolation: 'freeze', origin: 'loaded', types: noTypes, ...options })
  } catch (error) {
    if (error instanceof CacheError && error.code === 'unsupported_value') return error.message
    throw error
  }
  throw new Error('it was not refused')
}

class Money {
  cents: number
  constructor(cents: number) {
    this.cents = cents
  }
}

const moneyType = {
  name: 'Money',
  is: (value: unknown): value is Money => value instanceof Money,
  encode: (money: Money): unknown => money.cents,
  decode: (plain: unknown): Money => new Money(Number(plain)),
}

describe("isolation 'freeze'", () => {
  test("gives the loader's very object to every hit, frozen to the bottom (B26)", () => {
    const value = { rows: [{ id: 1, tags: ['a'] }] }
    const sealed = loaded(value)
    expect(sealed.value).toBe(value)
    expect(handOut(sealed, noTypes)).toBe(value)
    expect(() => value.rows[0]?.tags.push('b')).toThrow(TypeError)
    expect(() => Object.assign(value, { more: 1 })).toThrow(TypeError)
  })

  test("leaves set's argument untouched, and later changes to it unseen (B26)", () => {
    const value = { rows: [{ id: 1 }] }
    const sealed = given(value)
    value.rows.push({ id: 2 })
    expect(sealed.value).toEqual({ rows: [{ id: 1 }] })
    expect(Object.isFrozen(sealed.value)).toBe(true)
  })

  test('makes the mutators of Date, Map and Set throw, and leaves everything else of them working', () => {
    const at = new Date(5)
    const map = new Map([['a', 1]])
    const set = new Set(['a'])
    loaded({ at, map, set })
    expect(() => at.setTime(0)).toThrow('cached values are shared and read-only')
    expect(() => at.setUTCFullYear(2000)).toThrow(TypeError)
    expect(() => map.set('b', 2)).toThrow("isolation: 'clone'")
    expect(() => map.delete('a')).toThrow(TypeError)
    expect(() => map.clear()).toThrow(TypeError)
    expect(() => set.add('b')).toThrow(TypeError)
    expect(at).toStrictEqual(new Date(5))
    expect([at instanceof Date, at.constructor === Date, JSON.stringify(at)]).toEqual([
      true,
      true,
      '"1970-01-01T00:00:00.005Z"',
    ])
    expect([map.get('a'), [...set], map instanceof Map]).toEqual([1, ['a'], true])
    expect(structuredClone({ at, map, set })).toEqual({ at: new Date(5), map, set })
    expect(() => structuredClone(at).setTime(0)).not.toThrow()
  })

  test('covers every mutator that the engine gives Date', () => {
    const at = new Date(5)
    loaded(at)
    const mutators = Object.getOwnPropertyNames(Date.prototype).filter((name) => name.startsWith('set'))
    expect(mutators.length).toBeGreaterThanOrEqual(15)
    for (const name of mutators) {
      const call = (): unknown => Reflect.apply(Reflect.get(at, name), at, [1])
      expect(call, name).toThrow('read-only')
    }
    expect(at.getTime()).toBe(5)
  })

  test('gives each hit its own bytes, URL or stateful expression, and keeps none that a caller holds', () => {
    const bytes = Buffer.from('abc')
    const values = [{ bytes }, { url: new URL('http://a/') }, { pattern: /a/g }]
    for (const value of values) {
      const sealed = loaded(value)
      expect(sealed.cloneOnHit).toBe(true)
      expect(handOut(sealed, noTypes)).toEqual(value)
      expect(handOut(sealed, noTypes)).not.toBe(handOut(sealed, noTypes))
    }
    const sealed = loaded({ bytes })
    bytes.fill(0)
    expect(handOut(sealed, noTypes)).toEqual({ bytes: Buffer.from('abc') })
  })

  test('closes the stack of an error, which freezing alone leaves open', () => {
    // As V8 makes it; the test runner has made a plain property of it by now.
    let stack = 'Error: kept'
    const error = Object.defineProperty(new Error('kept'), 'stack', {
      get: () => stack,
      set: (text: string) => {
        stack = text
      },
      configurable: true,
    })
    loaded({ error })
    expect(() => Object.assign(error, { stack: 'forged' })).toThrow(TypeError)
    expect(error.stack).toBe('Error: kept')
  })

  test('walks into what its owner froze, and copies a date that was frozen too early to be made read-only', () => {
    const inner = { open: [1] }
    loaded(Object.freeze({ inner }))
    expect(Object.isFrozen(inner.open)).toBe(true)
    const early = { at: Object.freeze(new Date(5)) }
    const sealed = loaded(early)
    expect(sealed.value).not.toBe(early)
    expect(sealed.value).toStrictEqual({ at: new Date(5) })
    expect(sealed.cloneOnHit).toBe(false)
  })

  test('shares a value that is sealed already, and finds the same weight and form again', () => {
    const first = loaded({ rows: [{ at: new Date(5), tags: new Set(['a']) }] })
    for (const again of [given(first.value), loaded(first.value)]) expect(again).toEqual(first)
    expect(given(first.value).value).toBe(first.value)
    expect(given({ newer: first.value }).value).not.toBe(first.value)
  })

  test('never freezes what a registered instance shows of its inside', () => {
    class Bag {
      items = [1]
    }
    const types = new NamedTypes([
      {
        name: 'Bag',
        is: (value): value is Bag => value instanceof Bag,
        encode: (bag: Bag): unknown => bag.items,
        decode: () => new Bag(),
      },
    ])
    const bag = new Bag()
    seal({ bag }, { isolation: 'freeze', origin: 'loaded', types })
    expect([Object.isFrozen(bag), Object.isFrozen(bag.items)]).toEqual([false, false])
  })
})

describe("isolation 'clone' and 'share'", () => {
  test("'clone' keeps a private copy and gives each reader another, none of them frozen", () => {
    const value = { rows: [{ id: 1 }] }
    const sealed = loaded(value, 'clone')
    value.rows.push({ id: 2 })
    const [one, two] = [handOut(sealed, noTypes), handOut(sealed, noTypes)]
    expect(one).toEqual({ rows: [{ id: 1 }] })
    expect([one === two, Object.isFrozen(one), Object.isFrozen(value)]).toEqual([false, false, false])
  })

  test("'share' keeps the object as it is, and still refuses what no tier can keep", () => {
    const value = { rows: [new Date(5)], bytes: Buffer.from('a') }
    for (const sealed of [loaded(value, 'share'), given(value, 'share')]) {
      expect([sealed.value === value, sealed.cloneOnHit, Object.isFrozen(value)]).toEqual([
        true,
        false,
        false,
      ])
    }
    expect(refusal({ run: () => 1 }, { isolation: 'share' })).toContain('value.run')
  })

  test('a value fresh from the codec is sealed without another copy, whatever the isolation', () => {
    for (const isolation of ['freeze', 'clone', 'share'] as const) {
      const value = { bytes: Buffer.from('a') }
      expect(seal(value, { isolation, origin: 'decoded', types: noTypes }).value).toBe(value)
    }
  })
})

describe('what no tier can keep is refused by path, with a hint', () => {
  class Secret {
    #hidden = 1
    get hidden(): number {
      return this.#hidden
    }
  }
  class Query {
    constructor() {
      Object.defineProperty(this, 'then', { value: () => 1 })
    }
  }
  class Oops extends Error {}
  class List extends Array {}
  const hidden = Object.defineProperty({}, 'x', { value: 1 })
  const map = new Map<unknown, unknown>([
    ['a', 1],
    ['b', () => 1],
  ])
  function* generate(): Generator<number> {
    yield 1
  }
  const argumentsOf: () => unknown = new Function('return arguments') as () => unknown // as: made from text

  // biome-ignore-start format: a table of one line a case
  const refusals: [string, unknown, ...string[]][] = [
    ['a function (B21)', { items: [0, 1, 2, { save() {} }] }, 'value.items[3].save', 'a function (save)'],
    ['a class', { a: Secret }, 'value.a', 'a class (Secret)'],
    ['a symbol', [Symbol('x')], 'value[0]', 'a symbol'],
    ['a promise', { rows: Promise.resolve(1) }, 'value.rows', 'await it first'],
    ['a thenable', { query: new Query() }, 'value.query', 'await it first'],
    ['a Node stream', { body: Readable.from([]) }, 'value.body', 'a stream', 'read it to its end first'],
    ['a web stream', new ReadableStream(), 'value: a stream'],
    ['a Response', { r: new Response('x') }, 'an instance of Response', 'read its body first'],
    ['a Request', { r: new Request('http://a') }, 'an instance of Request', 'read its body first'],
    ['a Proxy', { p: new Proxy({}, {}) }, 'value.p', 'a Proxy', '{ ...value }'],
    ['a Proxy around an array', new Proxy([], {}), 'value: a Proxy'],
    ['a generator', { g: generate() }, 'an iterator', '[...value]'],
    ['a map iterator', new Map().values(), 'an iterator'],
    ['a WeakMap', { w: new WeakMap() }, 'an instance of WeakMap'],
    ['a WeakRef', { w: new WeakRef({}) }, 'an instance of WeakRef'],
    ['a boxed primitive', { n: Object(1) }, 'value.n', 'valueOf()'],
    [
      'a class instance (B22)',
      { s: new Secret() },
      'an instance of Secret',
      'types: [{ name, is, encode, decode }]',
    ],
    ['a subclass of Error', new Oops('x'), 'an instance of Oops'],
    ['a subclass of Array', { a: new List() }, 'an instance of List'],
    ['an object that inherits', Object.create({ a: 1 }), 'a prototype of its own'],
    ['a borrowed prototype', Object.create(Date.prototype), 'an instance of Date'],
    ['a borrowed URL prototype', { u: Object.create(URL.prototype) }, 'value.u'],
    ['a toJSON', { toJSON: () => 1 }, 'value.toJSON', 'a function'],
    [
      'a getter',
      {
        a: {
          get b(): number {
            return 1
          },
        },
      },
      'value.a.b',
      'a getter',
    ],
    ['a hidden property', hidden, 'value.x', 'not enumerable'],
    ['a symbol key', { a: { [Symbol('k')]: 1 } }, 'value.a', 'Symbol(k)'],
    ['an array with properties (B19)', { m: 'ab'.match(/b/) }, 'value.m.index', "beside an array's elements"],
    ['an array with a symbol key', Object.assign([1], { [Symbol('k')]: 1 }), 'Symbol(k)'],
    ['a huge sparse array', Object.assign([], { length: 4e9 }), 'value: an array with more than 10000 holes'],
    [
      'a date with properties',
      { d: Object.assign(new Date(1), { tz: 'x' }) },
      'value.d',
      'extra property "tz"',
    ],
    ['shared memory', { s: new SharedArrayBuffer(1) }, 'value.s', 'shared memory'],
    ['a view on shared memory', new Uint8Array(new SharedArrayBuffer(1)), 'shared with other threads'],
    ['a resizable buffer', new ArrayBuffer(1, { maxByteLength: 9 }), 'can be resized'],
    ['an error with a symbol', Object.assign(new Error('x'), { [Symbol('k')]: 1 }), 'Symbol(k)'],
    ['an arguments object', { a: argumentsOf() }, 'value.a'],
    ['a namespace object', { m: Math }, 'value.m'],
    ['a map key', new Map([[{ f() {} }, 1]]), 'value.keys[0].f'],
    ['a map value', { map }, 'value.map.get("b")'],
    ['a set item', new Set([1, { a: Symbol('s') }]), 'value.items[1].a'],
    ['an error cause', new Error('x', { cause: { f() {} } }), 'value.cause.f'],
    ['an odd name', { 'a b': { 'c\n': () => 1 } }, 'value["a b"]["c\\n"]'],
    ['undefined as the value (B15)', undefined, 'value: undefined'],
  ]
  // biome-ignore-end format: a table of one line a case

  test.each(refusals)('%s', (_title, value, ...parts) => {
    for (const origin of ['loaded', 'given'] as const) {
      const message = refusal(value, { origin })
      for (const part of parts) expect(message).toContain(part)
    }
  })

  test('ten thousand holes are kept, one more is refused', () => {
    const holes = (count: number): unknown[] => Object.assign([], { length: count })
    expect(handOut(given({ list: holes(10_000) }), noTypes)).toStrictEqual({ list: holes(10_000) })
    expect(refusal({ list: holes(10_001) })).toContain('value.list: an array with more than 10000 holes')
  })

  test('a refused value is left as it was', () => {
    const value = { list: [{}], save: () => 1 }
    refusal(value)
    expect([Object.isFrozen(value), Object.isFrozen(value.list)]).toEqual([false, false])
  })

  test('a Proxy runs none of its traps, and a getter is never called', () => {
    let calls = 0
    const trap = (): never => {
      calls++
      throw new Error('ran')
    }
    const nosy = new Proxy({}, { get: trap, getPrototypeOf: trap, ownKeys: trap })
    refusal({ nosy })
    refusal({ get a() { return trap() } }) // biome-ignore format: one line
    expect(calls).toBe(0)
  })

  test('a long path shows its two ends', () => {
    let value: unknown = () => 1
    for (let i = 0; i < 20_000; i++) value = { [`k${i}`]: value }
    const message = refusal(value)
    expect(message).toMatch(/^value\.k19999\..*…\.k5.*\.k0: a function/)
    expect(message.length).toBeLessThan(400)
  })
})

describe('registered types', () => {
  const types = new NamedTypes([moneyType])

  test('are weighed, copied and refused through what stands for them', () => {
    const sealed = seal({ price: new Money(5) }, { isolation: 'clone', origin: 'given', types })
    expect(handOut(sealed, types)).toStrictEqual({ price: new Money(5) })
    const leaky = new NamedTypes([{ ...moneyType, encode: () => ({ inner: [() => 1] }) }])
    expect(refusal({ price: new Money(5) }, { types: leaky })).toContain('value.price.<Money>.inner[0]')
  })

  test('an encode or is that throws is a refusal that keeps the cause', () => {
    const cause = new Error('no')
    const fail = (_: unknown): never => {
      throw cause
    }
    const failing = [
      { ...moneyType, encode: fail },
      { ...moneyType, is: (value: unknown): value is Money => fail(value) },
    ]
    for (const type of failing) {
      const options: SealOptions = { isolation: 'freeze', origin: 'loaded', types: new NamedTypes([type]) }
      expect(() => seal({ price: new Money(5) }, options)).toThrow(expect.objectContaining({ cause }))
    }
  })

  test('an instance that leads back to itself is refused, one that is shared is not', () => {
    const node = new Money(1)
    const loop = new NamedTypes([{ ...moneyType, encode: () => ({ self: node }) }])
    expect(refusal({ node }, { types: loop })).toContain('part of its own encoding')
    for (const names of ['db', 'bd']) {
      // The way back leads through a part that the walk has finished, or has not: both orders.
      const root: Record<string, unknown> = {}
      const parts: Record<string, unknown> = { d: { up: root }, b: new Money(1) }
      for (const name of names) root[name] = parts[name]
      const across = new NamedTypes([{ ...moneyType, encode: () => ({ to: parts.d }) }])
      expect(refusal(root, { types: across }), names).toContain('part of its own encoding')
    }
    const shared = seal([node, node], { isolation: 'clone', origin: 'given', types })
    const copy = handOut(shared, types)
    expect(copy).toEqual([node, node])
    expect(Array.isArray(copy) && copy[0] === copy[1]).toBe(true)
  })
})

describe('size and depth (B24)', () => {
  const deep = (levels: number): unknown => {
    let value: unknown = 1
    for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { value }
    return value
  }
  const levelsOf = (value: unknown): number => {
    let levels = 0
    for (let at = value; typeof at === 'object' && at !== null; at = Object.values(at)[0]) levels++
    return levels
  }

  test.each([510, 512, 513, 514, 20_000, 100_000])('%d levels pass every tier', (levels) => {
    const codec = createCodec({ types: noTypes })
    const sealed = given(deep(levels))
    const { codec: id, payload } = codec.encode(sealed.value, sealed.form)
    const decoded = seal(codec.decode(id, payload), {
      isolation: 'freeze',
      origin: 'decoded',
      types: noTypes,
    })
    expect(levelsOf(handOut(loaded(deep(levels), 'clone'), noTypes))).toBe(levels)
    expect(levelsOf(decoded.value)).toBe(levels)
    expect(sealed.form).toBe(levels > 512 ? 'tagged' : 'json')
  })

  test('an object of a million names passes every tier', () => {
    const value = Object.fromEntries(Array.from({ length: 1_000_000 }, (_, i) => [`name${i}`, i]))
    const codec = createCodec({ types: noTypes })
    const sealed = loaded(value)
    const { codec: id, payload } = codec.encode(sealed.value, sealed.form)
    expect(Object.keys(Object(codec.decode(id, payload))).length).toBe(1_000_000)
  }, 120_000)
})

test('plain data of another realm is plain data', () => {
  const value: unknown = runInNewContext('({ rows: [{ id: 1 }], at: null })')
  expect(given(value).value).toStrictEqual({ rows: [{ id: 1 }], at: null })
  expect(refusal(runInNewContext('class A {}; ({ a: new A() })'))).toContain('value.a: an instance of A')
})

test('names added to Object.prototype by others are not part of a value', () => {
  const name = 'addedByTest'
  Object.defineProperty(Object.prototype, name, {
    value: () => 1,
    enumerable: true,
    configurable: true,
    writable: true,
  })
  try {
    expect(Object.keys(Object(given({ a: { b: new Date(1) } }).value))).toEqual(['a'])
  } finally {
    Reflect.deleteProperty(Object.prototype, name)
  }
})
