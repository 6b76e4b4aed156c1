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

  test.for([
    ['redis://shop:hunter2@h:1', '"redis://***@h:1"'],
    ['memcached://shop:hunter2@a,memcacheds://:hunter2@b', '"memcached://***@b"'],
    // Neither encoded nor whole: where a URL is malformed, any piece of it may be the password.
    ['redis://shop:hun@ter/hunter2@h', '"redis://***@h"'],
    ['redis://shop:hunter2', '"redis://***"'],
    ['connect redis://hunter2:x?y failed', '"connect redis://*** failed"'],
    [`redis://shop:${'x'.repeat(60)}hunter2@h`, '"redis://***@h"'],
    [Symbol('redis://:hunter2@h'), 'Symbol(redis://***@h)'],
    // An address is what a message is for.
    ['redis://h:6379/0: refused', '"redis://h:6379/0: refused"'],
    ['redis://[::1]:6379', '"redis://[::1]:6379"'],
    ['https://h/a:b', '"https://h/a:b"'],
    ['user:4@h', '"user:4@h"'],
  ] as const)('%o without what may be a password: %s (S11)', ([value, shown]) => {
    expect(show(value)).toBe(shown)
    if (typeof value === 'string') expect(showError(new Error(value))).toBe(shown)
  })

  test('looks for passwords in time that grows with the text alone', () => {
    const from = performance.now()
    for (const piece of ['//', '//a', '//a:', '//:b ', '@//', '//[', ': //']) show(piece.repeat(200_000))
    // Some 30 ms; where each of them were looked at from each, minutes.
    expect(performance.now() - from).toBeLessThan(5_000)
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
