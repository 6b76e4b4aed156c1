import { createCache } from 'holdfast'
import { expect, test } from 'vitest'
import { memcached } from './memcached.ts'

test('nothing is opened before urls and options are checked', () => {
  for (const placement of ['ketama', 'ketama-unweighted', 'rendezvous'] as const) {
    expect(memcached(['memcached://a', 'memcached://b'], { placement }).open).toBeTypeOf('function')
  }
  expect(memcached('memcached://a', { gutter: 'memcached://b,c' }).open).toBeTypeOf('function')
  const refused: readonly (readonly [url: string, options: object, message: string])[] = [
    [
      'memcached://a',
      { placement: 'modulo' },
      'placement: expected one of ketama, ketama-unweighted, rendezvous',
    ],
    [
      'memcached://a',
      { placment: 'ketama' },
      'memcached options: expected tls, placement, gutter or discovery',
    ],
    ['memcached://a', JSON.parse('null'), 'memcached options: expected an object'],
    ['memcached://a', { discovery: 'dns' }, "discovery: expected 'elasticache', or nothing"],
    [
      'memcached://a,b',
      { discovery: 'elasticache' },
      'discovery: expected one url, of the configuration endpoint',
    ],
    ['memcached+unix:///s', { discovery: 'elasticache' }, 'discovery: expected one url'],
    ['memcached://a', { gutter: 'redis://b' }, 'memcached url: '],
    ['memcacheds://a', { tls: false }, 'tls: expected settings or nothing for a memcacheds:// url'],
    ['memcached://a', { tls: {} }, 'tls: expected memcacheds:// urls for TLS settings'],
    ['memcacheds://a', { tls: 'no' }, 'tls: expected TLS settings, or false'],
  ]
  for (const [url, options, message] of refused) expect(() => memcached(url, options)).toThrow(message)
})

test('L1 follows no changes that nobody tells of', () => {
  const l2 = memcached('memcached://192.0.2.1', { tls: false })
  const tracked = () => createCache({ name: 'shop', l2, l1: { mode: 'tracked' } })
  expect(tracked).toThrow("l1.mode: expected 'bus' or 'none'")
})

test('plaintext to another machine is warned of once a cache, whatever becomes of the connection (S11)', async () => {
  const lines: string[] = []
  const logger = {
    info: (line: string) => void lines.push(line),
    warn: (line: string) => void lines.push(line),
  }
  // TEST-NET-1 of RFC 5737: nobody answers there.
  const url = 'memcached://app:hunter2@192.0.2.1'
  await using open = createCache({ name: 'open', logger, l2: memcached(url) })
  await using meant = createCache({ name: 'meant', logger, l2: memcached(url, { tls: false }) })
  await Promise.resolve()
  expect([open, meant].map((cache) => cache.stats().l2.online)).toEqual([false, false])
  expect(lines.filter((line) => line.includes('unencrypted'))).toEqual([
    expect.stringMatching(/^cache "open": L2 memcached:\/\/192\.0\.2\.1:11211: THE PASSWORD and all values/),
  ])
})
