import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CacheError } from '../errors.ts'
import { createCodec } from './codec.ts'
import { NamedTypes } from './named-types.ts'
import { handOut, seal } from './seal.ts'

class Box {
  content: unknown
  constructor(content: unknown) {
    this.content = content
  }
}

const types = new NamedTypes([
  {
    name: 'Box',
    is: (value): value is Box => value instanceof Box,
    encode: (box: Box): unknown => ({ content: box.content }),
    decode: (plain) => new Box(Reflect.get(Object(plain), 'content')),
  },
])
const codec = createCodec({ types })

/** The value as each tier gives it back. */
function onEveryTier(value: unknown): Record<string, unknown> {
  const given = seal(value, { isolation: 'freeze', origin: 'given', types })
  const cloned = seal(value, { isolation: 'clone', origin: 'loaded', types })
  const encoded = codec.encode(given.value, given.form)
  const decoded = codec.decode(encoded.codec, encoded.payload)
  const promoted = seal(decoded, { isolation: 'freeze', origin: 'decoded', types })
  return {
    'l1 hit, frozen': handOut(given, types),
    'l1 hit, cloned': handOut(cloned, types),
    'l2 hit': decoded,
    'l1 hit after l2': handOut(promoted, types),
  }
}

describe('values keep type and value on every tier', () => {
  const shared = { name: 'shared' }
  const cyclic: Record<string, unknown> = { name: 'cyclic' }
  cyclic.self = cyclic
  cyclic.list = [cyclic, { up: cyclic }]
  const sparse: unknown[] = [1]
  sparse[2] = undefined
  sparse[4] = 5
  sparse.length = 6
  const nullObject = Object.assign(Object.create(null), { a: 1, at: new Date(1) })
  const ownProto: unknown = JSON.parse('{"__proto__":{"polluted":1},"a":{"__proto__":2,"at":null}}')
  const datedOwnProto = Object.defineProperty({ at: new Date(1) }, '__proto__', {
    value: new Date(2),
    enumerable: true,
    configurable: true,
    writable: true,
  })
  const stateful = /a/g
  stateful.lastIndex = 3
  const failure = new TypeError('broken', { cause: { code: 7 } })
  const failureWithCode = Object.assign(new Error('no such file'), { code: 'ENOENT', errno: -2 })
  const bare = new Error()
  Reflect.deleteProperty(bare, 'stack')
  const bytes = Uint8Array.from([1, 2, 3, 255])

  const samples: Record<string, unknown> = {
    'null (B16)': null,
    'zero (B16)': 0,
    'false (B16)': false,
    'an empty string (B16)': '',
    'lone surrogates': ['\ud800', { '\udc00': '\ud800x' }, '😀', '\u0000'],
    'NaN (B17)': Number.NaN,
    'infinities (B17)': { a: Number.POSITIVE_INFINITY, b: [Number.NEGATIVE_INFINITY] },
    'minus zero (B17)': [-0, { zero: -0 }, 0],
    'extreme numbers': [Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 53, -(2 ** 31), 1e21, 0.1],
    'a date (B18)': new Date(1_700_000_000_000),
    'an invalid date (B18)': { at: new Date(Number.NaN) },
    'a map with object keys (B18)': new Map<unknown, unknown>([
      [{ key: 1 }, new Set(['a', Number.NaN])],
      [Number.NaN, undefined],
      ['text', new Map()],
    ]),
    'a set (B18)': new Set([1, 'b', shared, undefined, -1n]),
    'bigints (B18)': [0n, 1n, -1n, 2n ** 200n, -(2n ** 63n), { big: 0xffn }],
    'expressions (B18)': [/a+b/, /\//gi, stateful, /[\u{1f600}]/u, /(?:)/],
    'a URL (B18)': new URL('https://user:pw@example.com:8080/a%20b?q=1#h'),
    'errors (B18)': [failure, failureWithCode, new AggregateError([failure, 1], 'many'), bare],
    'typed arrays (B18)': [
      bytes,
      new Uint8ClampedArray([1]),
      new Int8Array([-1]),
      new Uint16Array([65535]),
      new Int16Array([-2]),
      new Uint32Array([2 ** 32 - 1]),
      new Int32Array([-3]),
      new BigInt64Array([-4n]),
      new BigUint64Array([2n ** 64n - 1n]),
      new Float32Array([1.5, Number.NaN]),
      new Float64Array([-0, Math.PI]),
      new Float64Array(0),
    ],
    'a buffer (B18)': { raw: Buffer.from('bytes'), part: Buffer.from('outside').subarray(3) },
    'an array buffer and a view (B18)': [bytes.buffer, new DataView(new ArrayBuffer(6), 2)],
    'undefined members (B19)': { a: undefined, b: [undefined], c: 1 },
    'a sparse array (B19)': sparse,
    'a cycle (B20)': cyclic,
    'shared references (B20)': { one: shared, two: shared, all: [shared, [shared]] },
    'the same bytes twice (B20)': [bytes, { again: bytes }],
    'no prototype': nullObject,
    'own __proto__': ownProto,
    'own __proto__ in the tagged form': datedOwnProto,
    'odd names': { '': 1, constructor: 2, toString: [3], hasOwnProperty: null, 'a.b': new Date(3) },
    'a toJSON that is data': { toJSON: 1, at: new Date(1) },
    'integer names before others': { b: 1, 2: new Date(2), 1: 'x' },
    'slots that look like references': [[1], [-1], ['ff'], { a: [2] }, new Date(0), ['Date', 0], [[0]]],
    'a registered type (B22)': { box: new Box({ at: new Date(5), inner: new Box(bytes) }) },
    'a registered root': new Box(undefined),
  }

  test.each(Object.entries(samples))('%s', (_title, value) => {
    for (const [tier, found] of Object.entries(onEveryTier(value))) {
      expect(difference(value, found), tier).toBe(undefined)
    }
  })

  test('a global Float16Array is kept where the engine has one', () => {
    const Float16: unknown = Reflect.get(globalThis, 'Float16Array')
    if (typeof Float16 !== 'function') return
    const value: unknown = Reflect.construct(Float16, [[1.5, -0]])
    for (const found of Object.values(onEveryTier(value))) expect(difference(value, found)).toBe(undefined)
  })

  test('plain data takes the JSON form, and anything JSON would change the tagged one', () => {
    const formOf = (value: unknown): string =>
      seal(value, { isolation: 'share', origin: 'given', types }).form
    expect(formOf({ a: [1, 'b', null, true, { c: [] }] })).toBe('json')
    const changed = [
      -0,
      Number.NaN,
      [undefined],
      { a: undefined },
      1n,
      nullObject,
      sparse,
      cyclic,
      [shared, shared],
    ]
    expect(changed.map(formOf)).toEqual(changed.map(() => 'tagged'))
  })
})

describe('arbitrary graphs', () => {
  test('come back from every tier with the same types, values, order and references', () => {
    fc.assert(
      fc.property(graph(), ({ root, hasBoxCycle }) => {
        if (hasBoxCycle) {
          expect(() => onEveryTier(root)).toThrow(/part of its own encoding/)
          return
        }
        for (const [tier, found] of Object.entries(onEveryTier(root))) {
          expect(difference(root, found), tier).toBe(undefined)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  test('are read-only to the bottom once frozen, or copied for each reader', () => {
    fc.assert(
      fc.property(graph(), ({ root, hasBoxCycle }) => {
        if (hasBoxCycle) return
        const sealed = seal(root, { isolation: 'freeze', origin: 'loaded', types })
        const found = handOut(sealed, types)
        if (sealed.cloneOnHit) expect(sharedObjects(found, sealed.value)).toEqual([])
        else expect([...reachable(found, isBox)].filter((node) => !isReadOnly(node))).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  test('are left as they were by set: neither frozen nor shared with the cache', () => {
    fc.assert(
      fc.property(graph(), ({ root, hasBoxCycle }) => {
        if (hasBoxCycle) return
        const sealed = seal(root, { isolation: 'freeze', origin: 'given', types })
        expect(sharedObjects(root, sealed.value)).toEqual([])
        expect([...reachable(root)].filter((node) => Object.isFrozen(node) && !isEmptyBytes(node))).toEqual(
          [],
        )
      }),
      { numRuns: 500 },
    )
  })
})

test('the comparison of these tests tells apart what looks alike', () => {
  const one = {}
  const alike: [unknown, unknown][] = [
    [0, -0],
    [new Date(0), new Date(1)],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [[undefined], new Array(1)],
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
    [{ a: undefined }, {}],
    [{}, Object.create(null)],
    [Buffer.from([1]), Uint8Array.from([1])],
    [Float32Array.of(0), Float32Array.of(-0)],
    [new Map([[1, 2]]), new Map([[1, 3]])],
    [new Set([1, 2]), new Set([2, 1])],
    [
      [one, one],
      [{}, {}],
    ],
    [
      [{}, {}],
      [one, one],
    ],
    [new Error('a'), new TypeError('a')],
    [/a/g, /a/],
    [new URL('http://a'), new URL('http://b')],
    [new Box(1), { content: 1 }],
    [1n, 1],
  ]
  for (const [left, right] of alike) expect(difference(left, right)).toBeTypeOf('string')
})

// --- graphs --------------------------------------------------------------------------------------------------

interface Graph {
  readonly root: unknown
  /** Some Box can be reached from its own content. */
  readonly hasBoxCycle: boolean
}

type Member = { readonly leaf: unknown } | { readonly to: number }
interface NodeSpec {
  readonly kind: (typeof NODE_KINDS)[number]
  readonly names: readonly string[]
  readonly members: readonly Member[]
}

const NODE_KINDS = ['object', 'object', 'array', 'null-object', 'map', 'set', 'error', 'box'] as const
const NODES_MAX = 8

/** Objects that refer to each other at random: trees, shared parts and cycles. */
function graph(): fc.Arbitrary<Graph> {
  const member: fc.Arbitrary<Member> = fc.oneof(
    fc.record({ leaf: leaf() }),
    fc.record({ to: fc.nat({ max: NODES_MAX - 1 }) }),
  )
  const node = fc.record({
    kind: fc.constantFrom(...NODE_KINDS),
    names: fc.uniqueArray(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'toJSON', 'constructor', '1')), {
      minLength: 4,
      maxLength: 4,
    }),
    members: fc.array(member, { maxLength: 4 }),
  })
  return fc.array(node, { minLength: 1, maxLength: NODES_MAX }).map(build)
}

function leaf(): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.integer(),
    fc.bigInt(),
    fc.constantFrom(null, undefined, true, false, -0),
    fc.date({ noInvalidDate: false }),
    fc.uint8Array({ maxLength: 9 }),
    fc.float64Array({ maxLength: 3 }),
    fc.constantFrom('a+b', '\\/').map((source) => new RegExp(source, 'u')),
    fc.webUrl().map((href) => new URL(href)),
  )
}

function build(specs: readonly NodeSpec[]): Graph {
  const made = specs.map(({ kind }) => shell(kind))
  specs.forEach((spec, at) => {
    spec.members.forEach((member, i) => {
      const value = 'to' in member ? made[member.to % made.length] : member.leaf
      attach(made[at], spec.names[i] ?? '', value)
    })
  })
  const root = made[0]
  const boxes = [...reachable(root)].filter((node): node is Box => node instanceof Box)
  return { root, hasBoxCycle: boxes.some((box) => reachable(box.content).has(box)) }
}

function shell(kind: NodeSpec['kind']): object {
  if (kind === 'array') return []
  if (kind === 'null-object') return Object.create(null)
  if (kind === 'map') return new Map()
  if (kind === 'set') return new Set()
  if (kind === 'error') return new RangeError('out')
  return kind === 'box' ? new Box(undefined) : {}
}

function attach(holder: unknown, name: string, value: unknown): void {
  if (Array.isArray(holder)) holder[holder.length + (name.length % 2)] = value
  else if (holder instanceof Map) holder.set(name.length % 2 === 0 ? name : value, value)
  else if (holder instanceof Set) holder.add(value)
  else if (holder instanceof Box) holder.content = value
  else if (typeof holder === 'object' && holder !== null) {
    Object.defineProperty(holder, name, { value, enumerable: true, writable: true, configurable: true })
  }
}

// --- looking at graphs ---------------------------------------------------------------------------------------

function membersOf(node: object): unknown[] {
  if (node instanceof Map) return [...node.keys(), ...node.values()]
  if (node instanceof Set) return [...node]
  if (ArrayBuffer.isView(node)) return []
  return Object.getOwnPropertyNames(node).map((name) => Reflect.get(node, name))
}

function isBox(node: object): boolean {
  return node instanceof Box
}

function reachable(root: unknown, isEnd: (node: object) => boolean = () => false): Set<object> {
  const found = new Set<object>()
  const todo = [root]
  while (todo.length > 0) {
    const node = todo.pop()
    if (typeof node !== 'object' || node === null || found.has(node)) continue
    found.add(node)
    if (!isEnd(node)) todo.push(...membersOf(node))
  }
  return found
}

function sharedObjects(one: unknown, other: unknown): object[] {
  const others = reachable(other)
  return [...reachable(one)].filter((node) => others.has(node))
}

/** What hangs below a registered instance is its owner's to protect. */
function isReadOnly(node: object): boolean {
  if (node instanceof Date) return Object.isFrozen(node) && throws(() => node.setTime(0))
  if (node instanceof Map) return Object.isFrozen(node) && throws(() => node.set(1, 1))
  if (node instanceof Set) return Object.isFrozen(node) && throws(() => node.clear())
  return Object.isFrozen(node) || node instanceof Box
}

/** The language itself calls these frozen. */
function isEmptyBytes(node: object): boolean {
  return ArrayBuffer.isView(node) && node.byteLength === 0
}

function throws(act: () => void): boolean {
  try {
    act()
    return false
  } catch (error) {
    return error instanceof TypeError
  }
}

/** Where two graphs differ in type, value, order or references; undefined: nowhere. */
function difference(left: unknown, right: unknown): string | undefined {
  const partners = new Map<object, object>()
  const taken = new Set<object>()
  const todo: [unknown, unknown, string][] = [[left, right, 'value']]
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const [a, b, path] = next
    if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) {
      if (!Object.is(a, b)) return `${path}: ${String(a)} became ${String(b)}`
      continue
    }
    const partner = partners.get(a)
    if (partner !== undefined || taken.has(b)) {
      if (partner !== b) return `${path}: refers to another object`
      continue
    }
    partners.set(a, b)
    taken.add(b)
    if (own(a) !== own(b)) return `${path}: ${own(a)} became ${own(b)}`
    const [ours, theirs] = [membersOf(a), membersOf(b)]
    ours.forEach((member, i) => void todo.push([member, theirs[i], `${path}[${i}]`]))
  }
  return undefined
}

/** An object without its members, as text. */
function own(node: object): string {
  const prototype: object | null = Object.getPrototypeOf(node)
  const maker: unknown = prototype === null ? null : Reflect.get(prototype, 'constructor')
  const title = typeof maker === 'function' ? maker.name : 'null'
  if (ArrayBuffer.isView(node)) {
    return `${title} ${Buffer.from(node.buffer, node.byteOffset, node.byteLength).toString('hex')}`
  }
  const names = Reflect.ownKeys(node).map((key) => [
    String(key),
    Object.getOwnPropertyDescriptor(node, key)?.enumerable,
  ])
  const size = node instanceof Map || node instanceof Set ? node.size : 0
  return JSON.stringify([title, Object.prototype.toString.call(node), size, inner(node), names])
}

function inner(node: object): unknown {
  if (node instanceof Date) return String(node.getTime())
  if (node instanceof RegExp) return [node.source, node.flags]
  if (node instanceof ArrayBuffer) return Buffer.from(node).toString('hex')
  return node instanceof URL ? node.href : null
}

test('a refusal is a CacheError with its code', () => {
  expect(() => onEveryTier({ a: () => 1 })).toThrow(CacheError)
})
