import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createCodec } from '../codec/codec.ts'
import { noTypes } from '../codec/named-types.ts'
import { seal } from '../codec/seal.ts'
import { entryWeight } from '../runtime/cached-value.ts'
import { leastBytes } from './least-bytes.ts'

const codec = createCodec({ types: noTypes })

function sealed(value: unknown) {
  const parts = seal(value, { isolation: 'share', origin: 'loaded', types: noTypes })
  // The longest key and the most tags: what belongs to the entry must not count as the value's.
  return { ...parts, weightBytes: entryWeight('k'.repeat(8_192), parts.weightBytes, 64) }
}

function bytesOf(value: unknown): number {
  const { form } = sealed(value)
  return codec.encode(value, form).payload.byteLength
}

function nested(levels: number): unknown {
  let value: unknown[] = []
  for (let i = 0; i < levels; i++) value = [value]
  return value
}

const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i))

/** Values that take much heap and few bytes, each by another kind of member. */
const heavy: Record<string, unknown> = {
  'empty arrays in each other': times(200, () => nested(500)),
  'empty arrays': times(50_000, () => []),
  'empty objects': times(50_000, () => ({})),
  'objects without prototype': times(50_000, () => Object.create(null)),
  'empty text': times(50_000, () => ''),
  nulls: times(50_000, () => null),
  fractions: times(50_000, () => 0.5),
  'many names': Object.fromEntries(times(50_000, (i) => [i.toString(36), 0])),
  'text of one letter': times(50_000, () => 'ā'),
  dates: times(50_000, () => new Date(0)),
  'empty maps': times(50_000, () => new Map()),
  'empty sets': times(50_000, () => new Set()),
  expressions: times(50_000, () => /a/),
  addresses: times(50_000, () => new URL('a:')),
  errors: times(5_000, () => Object.assign(new Error(''), { stack: '' })),
  'empty bytes': times(50_000, () => new Uint8Array()),
  bigints: times(50_000, () => 1n),
  undefined: times(50_000, () => undefined),
}

describe('the least bytes of a value', () => {
  test.for(Object.entries(heavy))('are not more than it has: %s', ([, value]) => {
    expect(leastBytes(sealed(value))).toBeLessThanOrEqual(bytesOf(value))
  })

  test('are not more than it has, whatever it is', () => {
    const anything = fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true })
    fc.assert(
      fc.property(fc.array(anything, { minLength: 1 }), (value) => {
        expect(leastBytes(sealed(value))).toBeLessThanOrEqual(bytesOf(value))
      }),
    )
  })

  test('of text and bytes are nearly what they have', () => {
    for (const [value, bytes] of [
      ['x'.repeat(1_000_000), 1_000_000],
      ['😀'.repeat(1_000), 2_000],
      [new Uint8Array(1_000_000), 1_000_000],
    ] as const) {
      expect(leastBytes(sealed(value))).toBe(bytes)
      expect(bytesOf(value)).toBeGreaterThan(bytes)
    }
  })

  test('of what is mostly structure are a good part of what it has', () => {
    const rows = times(50_000, (i) => ({ id: i, name: `row ${i}`, note: 'y'.repeat(60) }))
    expect(leastBytes(sealed(rows)) / bytesOf(rows)).toBeGreaterThan(1 / 20)
  })
})
