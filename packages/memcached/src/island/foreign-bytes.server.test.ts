import { type MemcachedServer, startMemcached } from '@holdfast/testkit'
import type { Cache } from 'holdfast'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openCache } from '../testing/open-island.ts'
import { type NameKind, Names } from './names.ts'

let server: MemcachedServer
let cache: Cache
beforeAll(async () => {
  server = await startMemcached()
  cache = await openCache(server)
})
beforeEach(async () => {
  await server.cli('flush_all')
})
afterAll(async () => {
  await cache.close()
  await server.stop()
})

const names = new Names('shop')

async function plant(kind: NameKind, name: string, bytes: string, flags = ''): Promise<void> {
  const key = name === '' ? names.own(kind) : names.of(kind, name)
  expect(await server.cli(`ms ${key.text} ${bytes.length}${flags}\r\n${bytes}`)).toBe('HD')
}

describe('what somebody else has written is a miss that the next load mends (F31)', () => {
  test.each([
    ['nothing at all', '', ''],
    ['a text', '{"json":true}', ''],
    ['what looks like a lease', 'not a cas', ' F1'],
    ['a byte', 'H', ''],
    ['much', 'H\x01'.repeat(1000), ' F7'],
  ])('for a value: %s', async (_, bytes, flags) => {
    await plant('v', 'k', bytes, flags)
    expect(await cache.get('k')).toBeUndefined()
    expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded')
    expect(await cache.get('k')).toBe('loaded')
  })

  test.each([
    ['n', ''],
    ['e', ''],
    ['t', 't'],
  ] as const)('for a token: %s', async (kind, name) => {
    await cache.getOrSet('before', () => 1, { tags: ['t'] })
    await plant(kind, name, 'nine char')
    expect(await cache.getOrSet('k', () => 'loaded', { tags: ['t'] })).toBe('loaded')
    expect(await cache.get('k')).toBe('loaded')
  })

  test.each([
    ['q', 'k'],
    ['x', 't'],
  ] as const)('for a quarantine: %s', async (kind, name) => {
    await plant(kind, name, 'no list of members')
    await cache.getOrSet('k', () => 'loaded', { tags: ['t'] })
    expect(await cache.get('k')).toBe('loaded')
    await cache.write({ keys: ['k'], tags: ['t'] }, () => 1)
    await cache.getOrSet('k', () => 'again', { tags: ['t'] })
    expect(await cache.get('k')).toBe('again')
  })

  test.each([
    ['q', 'k'],
    ['x', 't'],
  ] as const)('for a quarantine that would last for ever, of its length: %s', async (kind, name) => {
    await plant(kind, name, 'fourteen bytes')
    await cache.getOrSet('k', () => 'loaded', { tags: ['t'] })
    expect(await cache.get('k')).toBe('loaded')
  })

  test('for a mark: the namespace begins anew', async () => {
    await cache.set('k', 1)
    await plant('i', '', 'who knows')
    await using other = await openCache(server)
    expect(await other.get('k')).toBeUndefined()
  })
})
