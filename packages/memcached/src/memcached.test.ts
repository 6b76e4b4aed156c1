import { createCache } from 'holdfast'
import { expect, test } from 'vitest'
import { memcached } from './memcached.ts'
import type { MemcachedOptions } from './memcached-options.ts'

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
    ['memcached://a', [], 'memcached options: expected an object'],
    ['memcached://a', { gutter: 'redis://b' }, 'gutter url: protocol: '],
    ['memcached://a', { gutter: '' }, 'gutter url: expected memcached://…, got an empty string'],
    ['memcached://a', { gutter: null }, 'gutter url: expected text of the form'],
    ['memcached://a', { gutter: 7 }, 'gutter url: expected text of the form'],
    [
      'memcached://a,b',
      { gutter: 'memcached://c,B:11211' },
      'gutter: expected servers beside those of the list',
    ],
    ['memcacheds://u:p@a', { gutter: 'memcached://a' }, 'gutter: expected servers beside those of the list'],
    [
      'memcacheds://u:p@cfg',
      { discovery: 'elasticache', gutter: 'memcached://node-1' },
      'gutter: expected memcacheds:// urls beside a configuration endpoint that is one',
    ],
    [
      'memcached://cfg?weight=2',
      { discovery: 'elasticache' },
      'discovery: expected a url without weight: the nodes have one each',
    ],
    ['memcacheds://a', { tls: [] }, 'tls: expected TLS settings, or false'],
    ['memcacheds://a', { tls: false }, 'tls: expected settings or nothing for a memcacheds:// url'],
    ['memcached://a', { tls: {} }, 'tls: expected memcacheds:// urls for TLS settings'],
    ['memcacheds://a', { tls: 'no' }, 'tls: expected TLS settings, or false'],
  ]
  for (const [url, options, message] of refused) expect(() => memcached(url, options)).toThrow(message)
})

test('no gutter is no mistake', () => {
  for (const gutter of [undefined, []]) {
    // @ts-expect-error from plain JavaScript
    expect(memcached('memcached://a', { gutter }).open).toBeTypeOf('function')
  }
})

test('the first line says how the servers are reached, and which stand in', async () => {
  const lines: string[] = []
  const logger = { info: (line: string) => void lines.push(line), warn() {} }
  const open = (urls: string | string[], options: MemcachedOptions = {}) =>
    createCache({ name: 'shop', logger, l2: memcached(urls, options) }).close()
  await open('memcacheds://u:hunter2@127.0.0.1:1,[::1]:2', { gutter: 'memcacheds://127.0.0.1:3' })
  await open(['memcached://127.0.0.1:1', 'memcached+unix:///s'])
  await open('memcached://127.0.0.1:1', { discovery: 'elasticache' })
  expect(lines.map((line) => line.slice(line.indexOf('; L2 ') + 5))).toEqual([
    'memcacheds://127.0.0.1:1,[::1]:2, gutter memcacheds://127.0.0.1:3',
    'memcached://127.0.0.1:1,memcached+unix:///s',
    'memcached://127.0.0.1:1 (elasticache)',
  ])
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
