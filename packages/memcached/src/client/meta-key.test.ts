import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type MetaKey, metaKey } from './meta-key.ts'

/** What the server keeps the item under. */
const bytesOf = ({ text, isBinary }: MetaKey): string =>
  isBinary ? Buffer.from(text, 'base64').toString('latin1') : text

describe('a key on the wire', () => {
  test.each([
    ['v:1:a:user:42', 'v:1:a:user:42', false],
    ['!~', '!~', false],
    ['__proto__', '__proto__', false],
    ['*?[a]{b}', '*?[a]{b}', false],
    ['x'.repeat(250), 'x'.repeat(250), false],
    ['a b', 'YSBi', true],
    ['x\r\nset evil 0 0 4\r\nPWND', 'eA0Kc2V0IGV2aWwgMCAwIDQNClBXTkQ=', true],
    ['\0', 'AA==', true],
    ['\x7f', 'fw==', true],
    ['é', 'w6k=', true],
    ['é'.repeat(93), Buffer.from('é'.repeat(93)).toString('base64'), true],
  ])('%j is %j', (name, text, isBinary) => {
    expect(metaKey(name)).toEqual({ text, isBinary, isHashed: false })
  })

  test.each(['x'.repeat(251), 'é'.repeat(94), 'x'.repeat(1_000_000), '', '\ud800', 'a\udfff'])(
    '%j is hashed behind a byte that begins no UTF-8',
    (name) => {
      const key = metaKey(name)
      expect(key).toMatchObject({ isBinary: true, isHashed: true })
      expect(bytesOf(key)).toHaveLength(33)
      expect(bytesOf(key)[0]).toBe('\xff')
      expect(metaKey(name)).toEqual(key)
    },
  )

  test('an accent by itself, composed, and half a surrogate of any kind are names of their own (B5, B6)', () => {
    const names = ['é', 'e\u0301', '\ud800', '\ud801', '\ufffd', '\udc00\ud800', 'x\ud800', 'x\ufffd']
    expect(new Set(names.map((name) => bytesOf(metaKey(name)))).size).toBe(names.length)
  })

  test('of two names is the same only where the names are, and always fit to be sent', () => {
    const odd = fc.constantFrom(
      '\r',
      '\n',
      ' ',
      '\0',
      '\xff',
      '\ud800',
      '\udc00',
      '\ufffd',
      'é',
      'AA==',
      'x'.repeat(120),
    )
    const name = fc.array(fc.oneof(odd, fc.string({ unit: 'binary', maxLength: 3 })), { maxLength: 6 })
    const names = fc.tuple(name, name).map((parts) => parts.map((part) => part.join('')))
    fc.assert(
      fc.property(names, ([one = '', other = '']) => {
        expect(bytesOf(metaKey(one)) === bytesOf(metaKey(other))).toBe(one === other)
        const { text, isHashed } = metaKey(one)
        expect(text).toMatch(/^[\x21-\x7e]{1,250}$/)
        // What is not said to be a hash holds the name whole: it can be read back.
        const bytes = bytesOf(metaKey(one))
        if (!isHashed) expect([bytes, Buffer.from(bytes, 'latin1').toString()]).toContain(one)
      }),
      { numRuns: 2000 },
    )
  })
})
