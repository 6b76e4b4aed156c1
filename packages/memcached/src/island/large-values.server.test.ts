import { type MemcachedServer, startMemcached, until } from '@holdfast/testkit'
import type { Cache, CacheEvent, L1Options } from 'holdfast'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { openCache } from '../testing/open-island.ts'
import { Names } from './names.ts'

// What a server takes unless it is told otherwise.
const ITEM_BYTES_MAX = 2 ** 20

let server: MemcachedServer
let cache: Cache
let troubles: string[] = []
let warnings: string[] = []
const onEvent = (event: CacheEvent): void => {
  if (event.type === 'trouble') troubles.push(`${event.what} ${event.key}`)
}
const logger = { info: () => undefined, warn: (line: string) => void warnings.push(line) }
const open = (l1: L1Options | false = false): Promise<Cache> =>
  openCache(server, { maxValueBytes: '4mb', onEvent, logger, l1 })

beforeAll(async () => {
  server = await startMemcached()
})
beforeEach(async () => {
  troubles = []
  warnings = []
  cache = await open()
})
afterEach(() => cache.close())
afterAll(() => server.stop())

const tooLarge = 'x'.repeat(ITEM_BYTES_MAX)
const keyOf = (key: string) => new Names('shop').of('v', key).text

test('the server itself takes the old value away when it refuses a new one', async () => {
  await server.cli('ms plain 3\r\nold')
  expect(await server.cli(`ms plain ${tooLarge.length}\r\n${tooLarge}`)).toMatch(/^SERVER_ERROR/)
  expect(await server.cli('mg plain v')).toBe('EN')
})

test('a value that the server would refuse is answered, told of, and leaves the old one (B25)', async () => {
  await cache.set('k', 'old', { swr: '1h' })
  await cache.expire('k')
  expect((await cache.refresh('k', () => tooLarge, { swr: '1h' })) === tooLarge).toBe(true)
  await until('it is told', () => troubles.includes('value_too_large k'))
  // Looked at without being read, which would take the lease that is offered.
  expect(await server.cli(`me ${keyOf('k')}`)).toMatch(/^ME /)
  expect(await cache.get('k', { swr: '1h' })).toBe('old')
  // Nobody has to wait for a load that is over.
  expect(await cache.getOrSet('k', () => 'new', { ttl: '1h' })).toBe('new')
})

test('it is said in the log once, counted each time, and nothing against the server', async () => {
  for (const key of ['a', 'b', 'a'])
    expect((await cache.getOrSet(key, () => tooLarge)) === tooLarge).toBe(true)
  await expect(cache.set('c', tooLarge)).rejects.toMatchObject({ code: 'value_too_large' })
  expect(troubles).toEqual(['a', 'b', 'a', 'c'].map((key) => `value_too_large ${key}`))
  expect(warnings).toEqual([
    expect.stringMatching(
      /^cache "shop": the value of "a" is an item of 10486\d\d bytes in L2, and the server takes up to 1048576 \(-I\): /,
    ),
  ])
  expect(cache.stats()).toMatchObject({
    tooLargeValues: 4,
    l2: { breaker: 'closed', queuedInvalidations: 0 },
  })
})

test('with L1 what was loaded is kept there for as long as it is while L2 is away', async () => {
  await using withL1 = await open({ mode: 'none', maxStale: '1s' })
  let loads = 0
  const load = () => {
    loads++
    return tooLarge
  }
  expect((await withL1.getOrSet('kept', load)) === tooLarge).toBe(true)
  expect((await withL1.getEntry('kept'))?.tier).toBe('l1')
  await until('L1 has let go of it', async () => (await withL1.getEntry('kept')) === undefined)
  expect((await withL1.getOrSet('kept', load)) === tooLarge).toBe(true)
  expect(loads).toBe(2)
})

test.each([
  ['without L1', false],
  ['with L1', { mode: 'none' }],
] as const)('%s a set of such a value is refused, and nothing old is left, here or there', async (_, l1) => {
  await using setter = await open(l1)
  await setter.setMany(['single', 'of many', 'small'].map((key) => [key, 'old']))
  const refusal = { code: 'value_too_large', key: 'single', tier: 'l2', retryable: false }
  await expect(setter.set('single', tooLarge)).rejects.toMatchObject(refusal)
  const many = [['small', 'new'] as const, ['of many', tooLarge] as const]
  await expect(setter.setMany(many)).rejects.toMatchObject({ ...refusal, key: 'of many' })
  for (const reader of [setter, cache]) {
    expect(await reader.getMany(['single', 'of many', 'small'])).toEqual([undefined, undefined, 'new'])
  }
  expect(setter.stats().l2).toMatchObject({ online: true, queuedInvalidations: 0 })
  // Nobody waits for what it left behind.
  expect(await cache.getOrSet('single', () => 'loaded', { hardTimeout: '1s' })).toBe('loaded')
  expect(await setter.get('single')).toBe('loaded')
})

test('whatever is sent, the server takes: up to the last byte', async () => {
  let stored = 0
  for (let size = ITEM_BYTES_MAX - 260; size < ITEM_BYTES_MAX; size += 13) {
    const value = 'x'.repeat(size)
    const isStored = await cache.set('edge', value).then(
      () => true,
      () => false,
    )
    expect((await cache.get('edge')) === (isStored ? value : undefined)).toBe(true)
    if (isStored) stored++
  }
  expect(stored).toBeGreaterThan(0)
  expect(stored).toBeLessThan(20)
  // Refused here: the server never had to.
  expect(await server.stats()).toMatchObject({ store_too_large: '1' })
})
