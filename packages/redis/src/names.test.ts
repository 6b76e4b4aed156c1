import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Names, parseName } from './names.ts'

/** Names of few letters that our own names are made of, so that two of them are often nearly the same. */
const letters = fc.constantFrom('t', '1', '2', ':', '{', '}', 'v', '/', '\\', '[', '\0', '\r\n', 'é', '😀')
const text = fc.array(letters, { maxLength: 5 }).map((units) => units.join(''))
const kind = fc.constantFrom('v', 'l', 'q', 'x', 't')
const named = fc.tuple(kind, text, text)

function bytesOf([of, namespace, name]: readonly [string, string, string]): Buffer {
  const found = (['v', 'l', 'q', 'x', 't'] as const).find((one) => one === of) ?? 'v'
  return Buffer.from(new Names(namespace).of(found, name))
}

describe('names in Redis', () => {
  test('no two of kind, namespace and key share one (S2)', () => {
    fc.assert(
      fc.property(named, named, (a, b) => {
        expect(bytesOf(a).equals(bytesOf(b))).toBe(JSON.stringify(a) === JSON.stringify(b))
      }),
      { numRuns: 5_000 },
    )
  })

  test('a name is read back as what it was made of', () => {
    fc.assert(
      fc.property(named, ([of, namespace, name]) => {
        expect(parseName(bytesOf([of, namespace, name]))).toEqual({ kind: of, namespace, name })
      }),
      { numRuns: 2_000 },
    )
  })

  test('a colon that moves from the key to the namespace moves the name: t, 1:secret and t:1, secret (S2)', () => {
    expect(new Names('t').of('v', '1:secret')).toBe('v:{1:t1:secret}')
    expect(new Names('t:1').of('v', 'secret')).toBe('v:{3:t:1secret}')
  })

  test('any bytes at all are a name of ours or none, without an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const parsed = parseName(Buffer.from(bytes))
        expect(parsed === undefined || parsed.kind.length === 1).toBe(true)
      }),
    )
  })
})
