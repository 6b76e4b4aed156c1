import { inspect } from 'node:util'
import fc from 'fast-check'
import { CacheError } from 'holdfast/contracts'
import { describe, expect, test } from 'vitest'
import { parseRedisUrl } from './url.ts'

const authOf = (url: string): readonly (string | undefined)[] | undefined => {
  const revealed = parseRedisUrl(url).credentials?.reveal()
  return revealed && [revealed.user, revealed.password]
}

describe('addresses (B39)', () => {
  test.each([
    ['redis://127.0.0.1', 'tcp', '127.0.0.1', 6379, 0, 'redis://127.0.0.1:6379/0'],
    ['redis://localhost:7000/', 'tcp', 'localhost', 7000, 0, 'redis://localhost:7000/0'],
    ['REDIS://my_host.svc:1/15', 'tcp', 'my_host.svc', 1, 15, 'redis://my_host.svc:1/15'],
    [
      'rediss://u:p@cache.example:65535/3',
      'tls',
      'cache.example',
      65535,
      3,
      'rediss://cache.example:65535/3',
    ],
    ['redis://[::1]:6380/2', 'tcp', '::1', 6380, 2, 'redis://[::1]:6380/2'],
    ['redis://:pw@[2001:db8::7]', 'tcp', '2001:db8::7', 6379, 0, 'redis://[2001:db8::7]:6379/0'],
    [
      'redis://bücher.example',
      'tcp',
      'xn--bcher-kva.example',
      6379,
      0,
      'redis://xn--bcher-kva.example:6379/0',
    ],
  ])('%s', (url, transport, host, port, db, display) => {
    const address = parseRedisUrl(url)
    expect(address.endpoint).toEqual({ transport, host, port })
    expect(address.db).toBe(db)
    expect(address.display).toBe(display)
  })

  test('a unix socket, its path decoded, its database in the query', () => {
    const address = parseRedisUrl('redis+unix://u:secret@/run/my%20redis.sock?db=4')
    expect(address.endpoint).toEqual({ transport: 'unix', path: '/run/my redis.sock' })
    expect(address.db).toBe(4)
    expect(address.display).toBe('redis+unix:///run/my%20redis.sock?db=4')
    expect(address.credentials?.reveal()).toEqual({ user: 'u', password: 'secret' })
    expect(parseRedisUrl('redis+unix:///r.sock').db).toBe(0)
  })
})

describe('credentials (B39)', () => {
  test.each([
    ['redis://h', undefined],
    ['redis://:@h', undefined],
    ['redis://:pw@h', [undefined, 'pw']],
    ['redis://user:pw@h', ['user', 'pw']],
    ['redis://user:@h', ['user', '']],
    ['redis://us%40er:p%40%3A%2F%25w@h', ['us@er', 'p@:/%w']],
    ['redis://user:p:w@h', ['user', 'p:w']],
    ['redis://user:p@ss@w@h', ['user', 'p@ss@w']],
    ['redis://:%C3%A9%20%F0%9F%94%91@h', [undefined, 'é 🔑']],
  ])('%s', (url, expected) => {
    expect(authOf(url)).toEqual(expected)
  })

  test('any user and password come out as they went in when encoded', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter((t) => !/\p{Cc}/u.test(t))
    fc.assert(
      fc.property(text, text, (user, password) => {
        const url = `redis://${encodeURIComponent(user)}:${encodeURIComponent(password)}@h:1/2`
        expect(authOf(url)).toEqual([user, password])
      }),
    )
  })

  test('they are not shown by inspect or JSON', () => {
    const address = parseRedisUrl('redis://wilhelm:hunter2@h')
    const shown = inspect(address, { depth: null, showHidden: true }) + JSON.stringify(address)
    expect(shown).not.toMatch(/hunter2|wilhelm/)
  })
})

describe('what is wrong is named, and the password is not (B39)', () => {
  test.each([
    ['hunter2', 'protocol'],
    ['http://:hunter2@h', 'protocol'],
    ['hunter2://h', 'protocol'],
    ['redis:hunter2@h', 'protocol'],
    ['redis://', 'host'],
    ['redis://:hunter2@', 'host'],
    ['redis://:hunter2@:6379', 'host'],
    ['redis://hunter2@h', 'credentials'],
    ['redis://user:hunter2', 'port'],
    ['redis://user:hunter2:6379', 'port'],
    ['redis://:hunter2@h:0', 'port'],
    ['redis://:hunter2@h:65536', 'port'],
    ['redis://:hunter2@h:-1', 'port'],
    ['redis://:hunter2@h:6379x', 'port'],
    ['redis://:hunter2@h:', 'port'],
    ['redis://:hunter2@h:1e3', 'port'],
    ['redis://user:123456', 'port'],
    ['redis://:hunter2@h/x', 'db'],
    ['redis://:hunter2@h/-1', 'db'],
    ['redis://:hunter2@h/1.5', 'db'],
    ['redis://:hunter2@h/1/2', 'db'],
    ['redis://:hunter2@h/2147483648', 'db'],
    ['redis://:hunter2@h/0?db=1', 'the url'],
    ['redis://:hunter2@h#x', 'the url'],
    ['redis://:hun/ter2@h', 'credentials'],
    ['redis://:hun?hunter2@h', 'credentials'],
    ['redis://:hun#hunter2@h', 'credentials'],
    ['redis://:hunter2%@h', 'password'],
    ['redis://:hunter2%zz@h', 'password'],
    ['redis://:hunter2%0d%0a@h', 'password'],
    ['redis://hunter2%00:x@h', 'user'],
    ['redis://:hunter2@h\r\nFLUSHALL', 'the url'],
    ['redis://:hunter2@h\n', 'the url'],
    [' redis://:hunter2@h', 'the url'],
    ['redis://:hunter 2@h', 'the url'],
    ['redis://:hunter2@h%41', 'host'],
    ['redis://:hunter2@h"x', 'host'],
    ['redis://:hunter2@[::1', 'host'],
    ['redis://:hunter2@[nope]', 'host'],
    ['redis://:hunter2@::1', 'host'],
    ['redis://:hunter2@\u{1f4a5}..x', 'host'],
    [`redis://:hunter2@${'x'.repeat(5000)}`, 'the url'],
    ['redis+unix://:hunter2@host/path', 'host'],
    ['redis+unix://:hunter2@/', 'path'],
    ['redis+unix://', 'path'],
    ['redis+unix:///r.sock?password=hunter2', 'query'],
    ['redis+unix:///r.sock?db=x', 'db'],
    ['redis+unix:///r.sock#x', 'path'],
    [`redis+unix:///${'x'.repeat(107)}`, 'path'],
  ])('%j', (url, part) => {
    const caught = catchError(() => parseRedisUrl(url))
    expect(caught.code).toBe('invalid_argument')
    const where = part === 'the url' ? '' : `${part}: `
    expect(caught.message).toMatch(new RegExp(`^redis url: ${where}expected `))
    expect(inspect(caught, { depth: null })).not.toMatch(/hunter2|123456/)
  })

  test('what is no string is refused by name', () => {
    // @ts-expect-error from plain JavaScript
    expect(catchError(() => parseRedisUrl(undefined)).message).toMatch(/^redis url: expected text/)
  })

  test('an empty one is what a missing variable leaves', () => {
    expect(catchError(() => parseRedisUrl('')).message).toBe(
      'redis url: expected redis://…, got an empty string: is the variable set?',
    )
  })

  test('any text gives an address or an invalid_argument, and never repeats what it was given', () => {
    const piece = fc.constantFrom(
      'redis://',
      'redis+unix://',
      ':',
      '@',
      '/',
      '?',
      '[',
      ']',
      '%',
      '7',
      'h',
      'sEcReT',
      '\n',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        try {
          parseRedisUrl(`redis://${pieces.join('')}`)
        } catch (error) {
          expect(error).toBeInstanceOf(CacheError)
          expect(String(error)).not.toContain('sEcReT')
        }
      }),
      { numRuns: 2000 },
    )
  })
})

function catchError(run: () => unknown): CacheError {
  try {
    run()
  } catch (error) {
    if (error instanceof CacheError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
