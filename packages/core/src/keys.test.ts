import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkName, encodeKey } from './keys.ts'

const SEPARATORS = [
  '[',
  ']',
  '{',
  '}',
  '\\',
  '\0',
  '"',
  "'",
  ':',
  ',',
  '/',
  '@',
  'n',
  '1',
  'null',
  'true',
  ' ',
  '\r\n',
  'é',
]

/** Text of few and troublesome letters, so that two of them are often equal or nearly so. */
const text = fc
  .array(fc.constantFrom(...SEPARATORS), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(''))
const atom = fc.oneof(
  text,
  fc.constantFrom('', '0', '-0', '1n', '@1970-01-01T00:00:00.000Z', '[]', '{}'),
  fc.integer({ min: -2, max: 2 }),
  fc.constantFrom(0.1, 1e21, 1e-7, Number.MAX_VALUE),
  fc.bigInt({ min: -2n, max: 2n }),
  fc.boolean(),
  fc.constant(null),
  fc.date({ min: new Date(0), max: new Date(3), noInvalidDate: true }),
)
const { part } = fc.letrec((tie) => ({
  part: fc.oneof(
    { depthSize: 'small' },
    atom,
    fc.array(tie('part'), { maxLength: 3 }),
    fc.dictionary(
      fc.oneof(text, fc.constantFrom('a', 'b', '__proto__')),
      fc.option(tie('part'), { nil: undefined }),
      {
        maxKeys: 3,
      },
    ),
  ),
}))
const key = fc.oneof(text, fc.array(part, { minLength: 1, maxLength: 3 }))

/** What two keys must have in common to be the same: undefined properties do not count, nor the order of others. */
function meaning(value: unknown): unknown {
  if (value instanceof Date || typeof value !== 'object' || value === null)
    return Object.is(value, -0) ? 0 : value
  if (Array.isArray(value)) return value.map(meaning)
  const properties = Object.entries(value).filter(([, inner]) => inner !== undefined)
  return new Map(properties.map(([name, inner]) => [name, meaning(inner)]))
}

function bytesOf(one: string): string {
  return Buffer.from(encodeKey(one)).toString('hex')
}

function refusal(one: string): string {
  expect(() => encodeKey(one)).toThrow('lone surrogates')
  return 'refused'
}

describe('encodeKey', () => {
  test('two keys share a text only if they mean the same (S2)', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        expect(encodeKey(a) === encodeKey(b)).toBe(isDeepStrictEqual(meaning(a), meaning(b)))
      }),
      { numRuns: 5_000 },
    )
  })

  test('two texts never share their bytes; what has no bytes of its own, a lone surrogate, is refused (S2)', () => {
    const unit = fc.constantFrom('\ud800', '\ud801', '\udc00', '\ufffd', 'a', '[', '\\', '\0')
    const anyText = fc.array(unit, { minLength: 1, maxLength: 3 }).map((units) => units.join(''))
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        const [bytesOfA, bytesOfB] = [a, b].map((one) => (one.isWellFormed() ? bytesOf(one) : refusal(one)))
        expect(bytesOfA === bytesOfB).toBe(a === b || !(a.isWellFormed() || b.isWellFormed()))
      }),
      { numRuns: 2_000 },
    )
  })

  test('a text is never that of a tuple, whatever its characters', () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1 }), (tuple) => {
        const encoded = encodeKey(tuple)
        expect(encodeKey(encoded)).not.toBe(encoded)
      }),
    )
  })

  test('no encoded key begins with NUL: inner namespaces do', () => {
    fc.assert(
      fc.property(key, (any) => {
        expect(encodeKey(any).charCodeAt(0)).not.toBe(0)
      }),
    )
  })

  test.for([
    'user:1',
    'a b',
    'tab\there',
    'x\r\nset evil 0 0 4\r\nPWND',
    'nul\0',
    '{tag}',
    '*?[a-z]',
    '😀',
    'prefix/é',
  ])('the text %j stands for itself (B2, B3, B8)', (plain) => {
    expect(encodeKey(plain)).toBe(plain)
  })

  test.for([
    ['[1]', '\\[1]'],
    ['\\[1]', '\\\\[1]'],
    ['\0x', '\\\0x'],
  ] as const)('the text %j is escaped: %j', ([plain, encoded]) => {
    expect(encodeKey(plain)).toBe(encoded)
  })

  test('composed and decomposed accents are different keys (B5)', () => {
    expect(encodeKey('é')).not.toBe(encodeKey('e\u0301'))
    expect(encodeKey(['é'])).not.toBe(encodeKey(['e\u0301']))
  })

  test.for(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    '%s is an ordinary key and part (B7)',
    (name) => {
      expect(encodeKey(name)).toBe(name)
      expect(encodeKey([JSON.parse(`{"${name}":1}`)])).toBe(`[{"${name}":1}]`)
      expect(encodeKey([{}])).toBe('[{}]')
    },
  )

  test('numbers, text, bigints, booleans and null are all different', () => {
    const encoded = [1, '1', 1n, '1n', true, 'true', null, 'null', 0, false, ''].map((one) =>
      encodeKey([one]),
    )
    expect(new Set(encoded).size).toBe(encoded.length)
  })

  test('objects are compared by content: neither order nor undefined properties matter (B12)', () => {
    const first = encodeKey(['q', { b: [1, { d: 4, c: 3 }], a: undefined }])
    expect(encodeKey(['q', { a: undefined, b: [1, { c: 3, d: 4 }] }])).toBe(first)
    expect(encodeKey(['q', { b: [1, { c: 3, d: 4 }] }])).toBe(first)
    expect(encodeKey(['q', { b: [{ c: 3, d: 4 }, 1] }])).not.toBe(first)
  })

  test('a Date is its moment, and not the text of it', () => {
    const date = new Date(1)
    expect(encodeKey([date])).toBe(encodeKey([new Date(1)]))
    expect(encodeKey([date])).not.toBe(encodeKey([date.toISOString()]))
    expect(encodeKey([date])).not.toBe(encodeKey([`@${date.toISOString()}`]))
  })

  test.for([
    ['', 'key: expected a non-empty string'],
    [[], 'key: expected a non-empty string'],
    [undefined, 'key: expected a non-empty string'],
    [42, 'got 42'],
    [{ id: 1 }, 'got an object'],
    ['\ud800', 'lone surrogates'],
    ['a\udfff', 'lone surrogates'],
    [['\ud801'], 'key[0]: expected well-formed'],
    [[{ '\ud801': 1 }], 'key[0]: expected well-formed'],
    [[Number.NaN], 'got NaN'],
    [[Number.POSITIVE_INFINITY], 'got Infinity'],
    [[undefined], 'key[0]'],
    [[1, [2, () => 3]], 'key[1][1]: expected'],
    [[Symbol('s')], 'got Symbol(s)'],
    [[new Map()], 'key[0]: expected a plain object, array or valid Date, got a Map'],
    [[new Set()], 'got a Set'],
    [[new (class User {})()], 'got a User'],
    [[new Date(Number.NaN)], 'got a Date'],
    [[Promise.resolve()], 'got a Promise'],
    [[{ filter: { at: new Map() } }], 'key[0]["filter"]["at"]'],
  ] as const)('%o is refused: %s (B1, B6, B11)', ([bad, message]) => {
    expect(() => encodeKey(bad)).toThrow(message)
    expect(() => encodeKey(bad)).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
  })

  test('a cyclic part is refused, not followed for ever (B11)', () => {
    const cyclic: { self?: unknown } = {}
    cyclic.self = cyclic
    expect(() => encodeKey([cyclic])).toThrow('cyclic')
    const list: unknown[] = []
    list.push(list)
    expect(() => encodeKey(list)).toThrow('cyclic')
  })

  test('8,192 bytes are the longest key, counted in UTF-8 (B4)', () => {
    expect(encodeKey('a'.repeat(8_192))).toHaveLength(8_192)
    expect(() => encodeKey('a'.repeat(8_193))).toThrow('at most 8192 bytes, got 8193')
    expect(encodeKey('é'.repeat(4_096))).toHaveLength(4_096)
    expect(() => encodeKey('é'.repeat(4_097))).toThrow('at most 8192 bytes, got 8194')
    expect(() => encodeKey(['😀'.repeat(2_048)])).toThrow('at most 8192 bytes')
    expect(() => encodeKey('a'.repeat(1_048_576))).toThrow('at most 8192 bytes')
  })
})

describe('checkName', () => {
  test.for(['t', 't:1', '__proto__', 'a b\r\n', '{x}', '😀'.repeat(256)])('accepts %j', (name) => {
    expect(checkName('tag', name)).toBe(name)
  })

  test.for([
    ['', 'tag: expected a non-empty string'],
    [7, 'tag: expected a non-empty string, got 7'],
    [undefined, 'got undefined'],
    ['\ud800', 'lone surrogates'],
    ['x'.repeat(513), 'at most 512 characters'],
  ] as const)('refuses %j', ([bad, message]) => {
    expect(() => checkName('tag', bad)).toThrow(message)
  })
})
