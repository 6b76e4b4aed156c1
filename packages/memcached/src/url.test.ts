import { inspect } from 'node:util'
import fc from 'fast-check'
import { CacheError } from 'holdfast/contracts'
import { describe, expect, test } from 'vitest'
import { type MemcachedAddress, parseMemcachedUrls } from './url.ts'

function only(url: string): MemcachedAddress {
  const [address, ...more] = parseMemcachedUrls(url)
  if (address === undefined || more.length > 0) throw new Error('one address was expected')
  return address
}

describe('one server (B39)', () => {
  test.each([
    ['memcached://127.0.0.1', 'tcp', '127.0.0.1', 11211, 1, 'memcached://127.0.0.1:11211'],
    ['memcached://localhost:7000/', 'tcp', 'localhost', 7000, 1, 'memcached://localhost:7000'],
    ['MEMCACHED://my_host.svc:1?weight=3', 'tcp', 'my_host.svc', 1, 3, 'memcached://my_host.svc:1'],
    ['memcached://h/?weight=1000', 'tcp', 'h', 11211, 1000, 'memcached://h:11211'],
    [
      'memcacheds://u:p@cache.example:65535',
      'tls',
      'cache.example',
      65535,
      1,
      'memcacheds://cache.example:65535',
    ],
    ['memcached://[::1]:6380', 'tcp', '::1', 6380, 1, 'memcached://[::1]:6380'],
    [
      'memcached://bücher.example',
      'tcp',
      'xn--bcher-kva.example',
      11211,
      1,
      'memcached://xn--bcher-kva.example:11211',
    ],
  ])('%s', (url, transport, host, port, weight, display) => {
    const address = only(url)
    expect(address.endpoint).toEqual({ transport, host, port })
    expect(address.weight).toBe(weight)
    expect(address.display).toBe(display)
  })

  test('a unix socket, its path decoded', () => {
    const address = only('memcached+unix://u:secret@/run/my%20cache.sock?weight=2')
    expect(address.endpoint).toEqual({ transport: 'unix', path: '/run/my cache.sock' })
    expect(address.weight).toBe(2)
    expect(address.display).toBe('memcached+unix:///run/my%20cache.sock')
    expect(address.credentials?.reveal()).toEqual({ user: 'u', password: 'secret' })
  })
})

describe('several servers', () => {
  const displays = (urls: string | readonly string[]): string[] =>
    parseMemcachedUrls(urls).map(({ display, weight }) => `${display} ${weight}`)
  const meant = ['memcached://a:11211 1', 'memcached://b:2 3', 'memcached://[::1]:4 1']

  test.each([
    ['with commas between their hosts', 'memcached://a,b:2?weight=3,[::1]:4'],
    ['with commas between their urls', 'memcached://a,memcached://b:2?weight=3,memcached://[::1]:4'],
    ['both', 'memcached://a,b:2?weight=3,memcached://[::1]:4'],
    ['in an array', ['memcached://a', 'memcached://b:2?weight=3', 'memcached://[::1]:4']],
    ['in an array, with commas in it', ['memcached://a,memcached://b:2?weight=3', 'memcached://[::1]:4']],
    ['in an array, two of them in one', ['memcached://a,b:2/?weight=3', 'memcached://[::1]:4']],
  ])('%s', (_, urls) => {
    expect(displays(urls)).toEqual(meant)
  })

  test('hosts of one url share its credentials, and urls have their own', () => {
    const users = parseMemcachedUrls('memcached://u:p%2Cq@a,b,memcacheds://v:w@c').map(
      ({ endpoint, credentials }) => [endpoint.transport, credentials?.reveal()],
    )
    const u = { user: 'u', password: 'p,q' }
    expect(users).toEqual([
      ['tcp', u],
      ['tcp', u],
      ['tls', { user: 'v', password: 'w' }],
    ])
  })
})

describe('credentials (B39)', () => {
  test('any user and password come out as they went in when encoded', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter((t) => !/\p{Cc}/u.test(t))
    fc.assert(
      fc.property(text, text, (user, password) => {
        const url = `memcached://${encodeURIComponent(user)}:${encodeURIComponent(password)}@h:1`
        expect(only(url).credentials?.reveal()).toEqual({ user, password })
      }),
    )
  })

  test('they are not shown by inspect or JSON', () => {
    const address = only('memcached://wilhelm:hunter2@h')
    const shown = inspect(address, { depth: null, showHidden: true }) + JSON.stringify(address)
    expect(shown).not.toMatch(/hunter2|wilhelm/)
  })
})

describe('what is wrong is named, and the password is not (B39)', () => {
  test.each([
    ['hunter2', 'protocol'],
    ['redis://:hunter2@h', 'protocol'],
    ['memcached:hunter2@h', 'protocol'],
    ['memcached://', 'host'],
    ['memcached://a,', 'host'],
    ['memcached://,a', 'host'],
    ['memcached://u:hunter2@', 'host'],
    ['memcached://a,a:11211', 'host'],
    ['memcached://a,A', 'host'],
    ['memcached://a,a.', 'host'],
    ['memcached://a,memcacheds://u:hunter2@a', 'host'],
    ['memcached://[::1],[0:0::1]', 'host'],
    ['memcached+unix:///s,memcached+unix:///s?weight=2', 'host'],
    ['memcached://::1', 'host'],
    ['memcached://fe80::1:11211', 'host'],
    ['memcached://hunter2@h', 'credentials'],
    ['memcached://:hunter2@h', 'user'],
    ['memcached://u:hunter2@a,v:hunter2@b', 'credentials'],
    ['memcached://u:hun,ter2@a', 'credentials'],
    ['memcached://user:hunter2', 'port'],
    ['memcached://u:hunter2@h:0', 'port'],
    ['memcached://u:hunter2@h:65536', 'port'],
    ['memcached://u:hunter2@h,i:x', 'port'],
    ['memcached://u:hunter2@h/0', 'path'],
    ['memcached://u:hunter2@h/0?weight=2', 'path'],
    ['memcached://u:hunter2@h?db=1', 'query'],
    ['memcached://u:hunter2@h?', 'query'],
    ['memcached://u:hunter2@h?weight=2&db=1', 'query'],
    ['memcached://u:hunter2@h#x', 'fragment'],
    ['memcached://u:hunter2@h?weight=2#x', 'fragment'],
    ['memcached://u:hunter2@h?weight=hunter2', 'weight'],
    ['memcached://u:hunter2@h?weight=', 'weight'],
    ['memcached://u:hunter2@h?weight=1.5', 'weight'],
    ['memcached://u:hunter2@h?weight=-1', 'weight'],
    ['memcached://u:hunter2@h?weight=1000000', 'weight'],
    ['memcached://u:hunter2@h?weight=0', 'weight'],
    ['memcached://u:hunter2@h?weight=1001', 'weight'],
    ['memcached://u:hun/ter2@h', 'credentials'],
    ['memcached://u:hunter2%@h', 'password'],
    ['memcached://u:hunter2%0d%0a@h', 'password'],
    ['memcached://hunter2%00:x@h', 'user'],
    ['memcached://u:hunter2@h\r\nflush_all', 'the url'],
    ['memcached+unix://u:hunter2@host/path', 'host'],
    ['memcached+unix://', 'path'],
    ['memcached+unix:///s.sock?hunter2', 'query'],
  ])('%j', (url, part) => {
    const caught = catchError(() => parseMemcachedUrls(url))
    expect(caught.code).toBe('invalid_argument')
    const where = part === 'the url' ? '' : `${part}: `
    expect(caught.message).toMatch(new RegExp(`^memcached url: ${where}expected `))
    expect(inspect(caught, { depth: null })).not.toMatch(/hunter2/)
  })

  test.each([undefined, 7, {}, [], [undefined], [7]])('%j is refused by name', (urls) => {
    // @ts-expect-error from plain JavaScript
    expect(catchError(() => parseMemcachedUrls(urls)).message).toMatch(/^memcached url: expected /)
  })

  test('a URL object is told to be text, and an address of IPv6 to be in brackets', () => {
    for (const urls of [new URL('memcached://u:hunter2@h'), [new URL('memcached://u:hunter2@h')]]) {
      // @ts-expect-error from plain JavaScript
      const { message } = catchError(() => parseMemcachedUrls(urls))
      expect(message).toMatch(/^memcached url: expected text of the form/)
    }
    const { message } = catchError(() => parseMemcachedUrls('memcached://::1'))
    expect(message).toBe('memcached url: host: expected an IPv6 address in brackets: "[…]", then ":port"')
  })

  test('an empty one is what a missing variable leaves', () => {
    expect(catchError(() => parseMemcachedUrls('')).message).toBe(
      'memcached url: expected memcached://…, got an empty string: is the variable set?',
    )
  })

  test('more servers than a list has are a mistake', () => {
    const urls = Array.from({ length: 1001 }, (_, i) => `memcached://h${i}`)
    expect(catchError(() => parseMemcachedUrls(urls)).message).toContain('at most 1000 servers')
    const inOne = (count: number) =>
      `memcached://${Array.from({ length: count }, (_, i) => `cache-${i}.of-a-long-name.internal.example:11211`)}`
    expect(parseMemcachedUrls(inOne(1000))).toHaveLength(1000)
    expect(catchError(() => parseMemcachedUrls(inOne(1001))).message).toContain('at most 1000 servers')
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
