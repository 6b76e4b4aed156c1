import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CacheError, invalidArgument, show, showError } from './errors.ts'

// What a terminal or a log reader takes as the end of a line, or as an order.
const UNPRINTABLE = /[\p{Cc}\u2028\u2029]/u

describe('show', () => {
  test.for([
    ['plain', '"plain"'],
    ['\n[ERROR] forged', '"\\n[ERROR] forged"'],
    ['\r\u001b[31mred', '"\\r\\u001b[31mred"'],
    ['a\u2028b\u0085c\u007f', '"a\\u2028b\\u0085c\\u007f"'],
    ['"quoted"', '"\\"quoted\\""'],
    ['\ud800', '"\\ud800"'],
    ['x'.repeat(61), `"${'x'.repeat(60)}…"`],
    [42, '42'],
    [-0, '0'],
    [Number.NaN, 'NaN'],
    [5n, '5n'],
    [true, 'true'],
    [null, 'null'],
    [undefined, 'undefined'],
    [Symbol('s'), 'Symbol(s)'],
    [Symbol('\n[ERROR]'), 'Symbol(\\n[ERROR])'],
    [[1, 2], 'an array of 2'],
    [{}, 'an object'],
    [Object.create(null), 'an object'],
    [new Map(), 'a Map'],
    [new AbortController(), 'an AbortController'],
    [class User {}, 'function User'],
    [(): number => 1, 'function (anonymous)'],
    [Object.defineProperty(function named(): void {}, 'name', { value: '\nforged' }), 'function \\nforged'],
  ] as const)('%o as %s', ([value, shown]) => {
    expect(show(value)).toBe(shown)
  })

  test('is one short printable line, whatever the value', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withNullPrototype: true, maxDepth: 1 }), (value) => {
        const shown = show(value)
        expect(shown).not.toMatch(UNPRINTABLE)
        expect(shown.length).toBeLessThan(400)
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(show(text)).not.toMatch(UNPRINTABLE)
      }),
    )
  })

  test('never throws, whatever the value does when it is looked at', () => {
    const fail = (): never => {
      throw new Error('looked at')
    }
    const hostile = new Proxy({}, { get: fail, getPrototypeOf: fail, has: fail })
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const nameless = Object.defineProperty(() => 1, 'name', { get: fail })
    for (const value of [hostile, proxy, nameless]) {
      expect(show(value)).toBe('something that throws when it is looked at')
      expect(showError(value)).toBe('something that throws when it is looked at')
    }
    expect(showError(Object.defineProperty(new Error(), 'message', { get: fail }))).toBe('an Error')
    expect(showError(new TypeError('a\nb'))).toBe('"a\\nb"')
    expect(showError('text')).toBe('"text"')
  })

  test('a huge number is cut', () => {
    expect(show(10n ** 5_000n).length).toBeLessThan(80)
  })
})

describe('errors', () => {
  test('a programmer is told argument, expected and got, on one line', () => {
    const error = invalidArgument('tags[3]', 'a non-empty string', '\n[ERROR] all is lost')
    expect(error.message).toBe('tags[3]: expected a non-empty string, got "\\n[ERROR] all is lost"')
    expect(error).toMatchObject({ name: 'CacheError', code: 'invalid_argument', retryable: false })
  })

  test('what is not said is undefined, and the cause is the cause', () => {
    const cause = new Error('socket closed')
    expect(new CacheError('l2_error', 'm', { key: 'k', tier: 'l2', retryable: true, cause })).toMatchObject({
      key: 'k',
      tier: 'l2',
      retryable: true,
      cause,
    })
    const bare = new CacheError('closed', 'm')
    expect([bare.key, bare.tier, bare.retryable, 'cause' in bare]).toEqual([
      undefined,
      undefined,
      false,
      false,
    ])
    expect(bare).toBeInstanceOf(Error)
  })
})
