import { describe, expect, test } from 'vitest'
import { CacheError } from '../errors.ts'
import type { CodecWrap } from '../options.ts'
import { type Codec, createCodec } from './codec.ts'
import { NamedTypes, noTypes } from './named-types.ts'

const codec = createCodec({ types: noTypes })

class Point {
  x: number
  constructor(x: number) {
    this.x = x
  }
}

const pointType = {
  name: 'Point',
  is: (value: unknown): value is Point => value instanceof Point,
  encode: (point: Point): unknown => ({ x: point.x }),
  decode: (plain: unknown): Point => new Point(Number(Reflect.get(Object(plain), 'x'))),
}

/** The bytes of a table, made by hand from its text. */
function tagged(text: string, bytes: readonly number[] = []): Buffer {
  const body = Buffer.from(text)
  const header = Buffer.from([1, 0, 0, 0, 0])
  header.writeUInt32BE(body.length, 1)
  return Buffer.concat([header, body, Buffer.from(bytes)])
}

function decodeFailure(act: () => unknown): CacheError {
  try {
    act()
  } catch (error) {
    if (error instanceof CacheError && error.code === 'decode_failed') return error
    throw error
  }
  throw new Error('it decoded')
}

describe('the bytes of today (docs/wire/codec.md)', () => {
  // Changing one of these is a new version of the format: entries that live in somebody's Redis look like this.
  const shared = { s: 1 }
  const cycle: Record<string, unknown> = {}
  cycle.me = cycle
  const golden: [string, unknown, 0 | 1, string, string?][] = [
    ['plain data', { a: [1, 'é', null, true] }, 0, '{"a":[1,"é",null,true]}'],
    ['a lone surrogate', '\ud800', 0, '"\\ud800"'],
    ['a date in an object', { at: new Date(1700000000000) }, 1, '[[2],["Date",1700000000000],{"at":[1]}]'],
    ['an invalid date', new Date(Number.NaN), 1, '[[1],["Date",null]]'],
    [
      'values JSON lacks',
      [undefined, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, -255n, 16n],
      1,
      '[[1],[[[-1],[-3],[-4],[-5],[-6],["-ff"],["10"]]]]',
    ],
    ['a hole', Object.assign([], { 1: 'x' }), 1, '[[1],[[[-2],"x"]]]'],
    ['shared references', [shared, shared], 1, '[[2],{"s":1},[[[1],[1]]]]'],
    ['a cycle', cycle, 1, '[[1],{"me":[1]}]'],
    ['a map and a set', new Map([['k', new Set([1])]]), 1, '[[2],["Set",1],["Map","k",[1]]]'],
    [
      'an object without prototype',
      Object.assign(Object.create(null), { a: 1 }),
      1,
      '[[1],["NullObject",{"a":1}]]',
    ],
    ['an expression', /a\/b/gi, 1, '[[1],["RegExp","a\\\\/b","gi",0]]'],
    ['a URL', new URL('http://a/?b'), 1, '[[1],["URL","http://a/?b"]]'],
    [
      'bytes, in the order of their nodes',
      [Buffer.from([1, 2]), Uint16Array.of(0x0304), new Uint8Array([9]).buffer],
      1,
      '[[4],["ArrayBuffer",1],["Uint16Array",2],["Buffer",2],[[[3],[2],[1]]]]',
      '0904030102',
    ],
    ['a registered type', [new Point(7)], 1, '[[3],{"x":7},["Named","Point",[1]],[[[2]]]]'],
  ]
  const goldenCodec = createCodec({ types: new NamedTypes([pointType]) })

  test.each(golden)('%s', (_title, value, form, text, bytes = '') => {
    const encoded = goldenCodec.encode(value, form === 0 ? 'json' : 'tagged')
    const expected = form === 0 ? Buffer.from(text) : tagged(text, [...Buffer.from(bytes, 'hex')])
    expect(encoded).toEqual({ codec: form, payload: expected })
    expect(goldenCodec.decode(form, expected)).toStrictEqual(value)
  })

  test('an error', () => {
    const error = new RangeError('m', { cause: 1 })
    error.stack = 'S'
    const text = '[[1],["RangeError","stack","S","message","m","cause",1]]'
    expect(codec.encode(error, 'tagged').payload).toEqual(tagged(text))
    const decoded = codec.decode(1, tagged(text))
    expect(decoded).toStrictEqual(error)
    expect(decoded).toHaveProperty('stack', 'S')
    expect(Object.keys(Object(decoded))).toEqual([])
  })

  test('a newer version, a truncated and an empty payload are decode_failed', () => {
    const newer = tagged('[1]')
    newer[0] = 2
    expect(decodeFailure(() => codec.decode(1, newer)).message).toContain('version 2')
    const whole = codec.encode({ at: new Date(1), raw: Buffer.from('raw') }, 'tagged').payload
    for (let length = 0; length < whole.length; length++) {
      decodeFailure(() => codec.decode(1, whole.subarray(0, length)))
    }
    decodeFailure(() => codec.decode(1, Buffer.concat([whole, Buffer.from('x')])))
  })
})

describe('bytes from elsewhere (S6, S7)', () => {
  const corpus: [string, string][] = [
    ['an unknown tag', '[[1],["Function","return 1"]]'],
    ['a tag of the prototype chain', '[[1],["constructor","x"]]'],
    ['__proto__ as a tag', '[[1],["__proto__",{}]]'],
    ['a type that is not registered', '[[2],{"x":1},["Named","Point",[1]]]'],
    ['a registered name of the prototype chain', '[[1],["Named","constructor",1]]'],
    ['a reference out of range', '[[9],{}]'],
    ['a reference by fraction', '[[1.5],{}]'],
    ['a reference by name', '[["length"],{}]'],
    ['a reference to the root slot', '[[0],{}]'],
    ['an unknown code', '[[-7]]'],
    ['a hole outside an array', '[[-2]]'],
    ['undefined as the value', '[[-1]]'],
    ['a nested object', '[[1],{"a":{"b":1}}]'],
    ['a slot of two', '[[1],{"a":[1,1]}]'],
    ['a slot of an array', '[[[1]],{}]'],
    ['a node that is no object', '[[1],"x"]'],
    ['an empty node', '[[1],[]]'],
    ['an empty table', '[]'],
    ['no table', '{"a":1}'],
    ['a map with half an entry', '[[1],["Map",1]]'],
    ['a date of text', '[[1],["Date","2020"]]'],
    ['a date out of range', '[[1],["Date",1e300]]'],
    ['an impossible expression', '[[1],["RegExp","(","",0]]'],
    ['impossible flags', '[[1],["RegExp","a","gg",0]]'],
    ['an impossible URL', '[[1],["URL","no"]]'],
    ['a URL of null', '[[1],["URL",null]]'],
    ['an error property without a name', '[[1],["Error",1,2]]'],
    ['bytes that are not there', '[[1],["Uint8Array",5]]'],
    ['a billion bytes that are not there', '[[1],["Buffer",1e9]]'],
    ['negative bytes', '[[1],["Uint8Array",-1]]'],
    ['bytes by fraction', '[[1],["Uint8Array",0.5]]'],
    ['decimal text as a bigint', '[["12.5"]]'],
    ['a very wrong bigint', '[["0x"]]'],
    ['NullObject of nothing', '[[1],["NullObject"]]'],
    ['a registered instance made of itself', '[[1],["Named","Point",[1]]]'],
    ['broken JSON', '[[1],'],
  ]
  test.each(corpus)('%s is decode_failed', (_title, text) => {
    decodeFailure(() => codec.decode(1, tagged(text)))
    decodeFailure(() => createCodec({ types: new NamedTypes([]) }).decode(1, tagged(text)))
  })

  test('a registered instance made of itself is decode_failed where the type is known, too', () => {
    const known = createCodec({ types: new NamedTypes([pointType]) })
    decodeFailure(() => known.decode(1, tagged('[[1],["Named","Point",[1]]]')))
    decodeFailure(() => known.decode(1, tagged('[[2],["Named","Point",[2]],["Named","Point",[1]]]')))
  })

  test('__proto__ and constructor paths make own properties and pollute nothing', () => {
    const poison = '{"polluted":1}'
    const values = [
      codec.decode(0, Buffer.from(`{"__proto__":${poison},"constructor":{"prototype":${poison}}}`)),
      codec.decode(1, tagged(`[[2],${poison},{"__proto__":[1],"constructor":[1]}]`)),
      codec.decode(1, tagged(`[[2],${poison},["NullObject",{"__proto__":[1]}]]`)),
      codec.decode(1, tagged(`[[2],${poison},["Error","__proto__",[1],"constructor",[1]]]`)),
    ]
    for (const value of values) expect(Object.hasOwn(Object(value), '__proto__')).toBe(true)
    expect(Object.getPrototypeOf(values[0])).toBe(Object.prototype)
    expect(Reflect.get({}, 'polluted')).toBe(undefined)
    expect(Reflect.get(new Error(), 'polluted')).toBe(undefined)
  })

  test('no length is believed: memory stays in proportion to the payload', () => {
    const before = process.memoryUsage().rss
    for (const text of [
      '[[1],["Uint8Array",1e8]]',
      '[[1],["Float64Array",1e8]]',
      '[[1e8],{}]',
      '[[1],[[1e8]]]',
    ]) {
      for (let i = 0; i < 100; i++) {
        try {
          codec.decode(1, tagged(text))
        } catch {
          // Refused, which is as good as decoded: the subject is memory.
        }
      }
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * 2 ** 20)
  })

  test('a million levels of brackets decode or fail, and do not overflow', () => {
    const deep = '['.repeat(1e6) + ']'.repeat(1e6)
    expect(Array.isArray(codec.decode(0, Buffer.from(deep)))).toBe(true)
    decodeFailure(() => codec.decode(1, tagged(deep)))
  })

  test('decoded bytes do not lie in the buffer they came from', () => {
    const payload = Buffer.from(codec.encode([Buffer.from('abc'), new Float64Array([1])], 'tagged').payload)
    const decoded = codec.decode(1, payload)
    payload.fill(0)
    expect(decoded).toStrictEqual([Buffer.from('abc'), new Float64Array([1])])
  })
})

describe('registered types', () => {
  const failing = (decode: () => unknown): Codec =>
    createCodec({ types: new NamedTypes([{ ...pointType, decode }]) })
  const payload = tagged('[[2],{"x":7},["Named","Point",[1]]]')

  test('a decode that throws is decode_failed with its cause', () => {
    const cause = new Error('gone')
    const error = decodeFailure(() =>
      failing(() => {
        throw cause
      }).decode(1, payload),
    )
    expect(error.cause).toBe(cause)
    expect(error.message).toContain('"Point"')
  })

  test('a decode that answers what its own is() refuses is decode_failed', () => {
    for (const stranger of [undefined, 7, {}, Promise.resolve(new Point(1))]) {
      decodeFailure(() => failing(() => stranger).decode(1, payload))
    }
  })

  test('parts are complete when an instance is made of them, cycles included', () => {
    let seen: unknown
    const types = new NamedTypes([
      {
        ...pointType,
        encode: (point: Point): unknown => {
          const plain: Record<string, unknown> = { x: point.x, list: [new Map([['k', point.x]])] }
          plain.self = plain
          return plain
        },
        decode: (plain: unknown) => {
          seen = structuredClone(plain)
          return pointType.decode(plain)
        },
      },
    ])
    const both = createCodec({ types })
    expect(both.decode(1, both.encode({ p: new Point(3) }, 'tagged').payload)).toStrictEqual({
      p: new Point(3),
    })
    expect(seen).toMatchObject({ x: 3, list: [new Map([['k', 3]])], self: { x: 3 } })
  })
})

describe('a wrap', () => {
  const xor = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte ^ 0x5a)
  const wrap: CodecWrap = { id: 5, encode: xor, decode: xor }
  const wrapped = createCodec({ types: noTypes, wrap })

  test('wraps the bytes of both forms, and its id is in the codec byte', () => {
    for (const [value, form, id] of [
      [{ a: 1 }, 'json', 10],
      [{ a: new Date(1) }, 'tagged', 11],
    ] as const) {
      const encoded = wrapped.encode(value, form)
      expect(encoded.codec).toBe(id)
      expect(Buffer.from(encoded.payload)).not.toEqual(Buffer.from(codec.encode(value, form).payload))
      expect(wrapped.decode(encoded.codec, encoded.payload)).toStrictEqual(value)
    }
  })

  test('bytes without it, or of another one, are refused: encryption cannot be gone around', () => {
    const plain = codec.encode({ a: 1 }, 'json')
    decodeFailure(() => wrapped.decode(plain.codec, plain.payload))
    decodeFailure(() => wrapped.decode(12, plain.payload))
    const secret = wrapped.encode({ a: 1 }, 'json')
    decodeFailure(() => codec.decode(secret.codec, secret.payload))
  })

  test('a wrap that throws or answers no bytes is decode_failed', () => {
    const cause = new Error('bad key')
    const fail = (): never => {
      throw cause
    }
    const throwing = createCodec({ types: noTypes, wrap: { ...wrap, decode: fail } })
    expect(decodeFailure(() => throwing.decode(10, Buffer.from('x'))).cause).toBe(cause)
    const wrong = { ...wrap, decode: () => 'text' }
    decodeFailure(() =>
      Reflect.apply(createCodec, undefined, [{ types: noTypes, wrap: wrong }]).decode(
        10,
        xor(Buffer.from('1')),
      ),
    )
  })

  test('a wrap that lacks a part is refused by argument name', () => {
    for (const [wrong, message] of [
      [{ ...wrap, id: 0 }, 'codec.id: expected an integer of 1 to 127, got 0'],
      [{ ...wrap, id: 128 }, 'codec.id'],
      [{ ...wrap, id: 1.5 }, 'codec.id'],
      [{ ...wrap, encode: 1 }, 'codec.encode: expected a function, got 1'],
      [null, 'codec: expected { id, encode, decode }, got null'],
    ]) {
      expect(() => Reflect.apply(createCodec, undefined, [{ types: noTypes, wrap: wrong }])).toThrow(
        String(message),
      )
    }
  })
})

test('every codec byte that this cache does not write is decode_failed', () => {
  for (let id = 2; id < 256; id++) decodeFailure(() => codec.decode(id, Buffer.from('1')))
})

test('a text longer than the longest string is value_too_large (B25)', () => {
  const half = 'x'.repeat(2 ** 28)
  expect(() => codec.encode([half, half], 'json')).toThrow(
    expect.objectContaining({ code: 'value_too_large' }),
  )
})

test('a value that was changed after it was sealed is a CacheError, whatever it became', () => {
  const cyclic: unknown[] = []
  cyclic.push(cyclic)
  for (const value of [cyclic, { a: 1n }, undefined, () => 1]) {
    expect(() => codec.encode(value, 'json')).toThrow(expect.objectContaining({ code: 'unsupported_value' }))
  }
  for (const value of [{ a: () => 1 }, [new Point(1)], { a: Promise.resolve() }]) {
    expect(() => codec.encode(value, 'tagged')).toThrow(
      expect.objectContaining({ code: 'unsupported_value' }),
    )
  }
})
