/** What stands in Redis under our names is damaged, of another shape, or of another release. */
import { type RedisServer, startRedis, until } from '@holdfast/testkit'
import type { Cache, StandardSchema } from 'holdfast'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Names } from '../names.ts'
import {
  GOLDEN_ENTRY,
  GOLDEN_NAMESPACE_TOKEN,
  GOLDEN_VALUE,
  NEWER_ENTRY,
  OLDER_ENTRY,
} from '../testing/golden-entries.ts'
import { openCache } from '../testing/open-cache.ts'

const names = new Names('faults')
const value = { id: 1, tags: ['a', 'b'] }

let server: RedisServer
/** Two nodes without L1: what one fills, the other reads from Redis. */
let here: Cache
let there: Cache
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.cli('FLUSHALL')
  here = await openCache(server.url, { l1: false })
  there = await openCache(server.url, { l1: false })
})
afterEach(async () => {
  await here.close()
  await there.close()
})

const never = (): never => {
  throw new Error('nothing is to be loaded here')
}

async function plant(bytes: Uint8Array): Promise<void> {
  await server.cli('SET', names.of('v', 'k'), bytes)
}

/** The bytes of a stored entry. */
async function stored(): Promise<Buffer> {
  await here.set('k', value, { tags: ['t'] })
  const bytes = await server.cliBytes('GET', names.of('v', 'k'))
  if (!Buffer.isBuffer(bytes)) throw new TypeError('nothing is stored')
  return bytes
}

/** The load is answered, and what it stores is a hit for the other node. */
async function expectHealed(tags: readonly string[] = ['t']): Promise<void> {
  expect(await here.getOrSet('k', () => value, { tags })).toEqual(value)
  await until('the entry is overwritten', async () => (await there.get('k')) !== undefined)
  expect(await there.getOrSet('k', never, { tags })).toEqual(value)
}

describe('F31: damaged entries', () => {
  test('truncated anywhere: a miss that the load overwrites', async () => {
    const whole = await stored()
    for (let length = 0; length < whole.length; length += length < 70 ? 1 : 7) {
      await plant(whole.subarray(0, length))
      expect(await there.get('k'), `${length} of ${whole.length} bytes`).toBe(undefined)
    }
    await plant(whole.subarray(0, 60))
    await expectHealed()
  })

  test('one bit wrong anywhere in the header: the value, or a miss, and never an error', async () => {
    const whole = await stored()
    const header = whole.length - JSON.stringify(value).length
    for (let at = 0; at < header; at++) {
      const damaged = Buffer.from(whole)
      damaged[at] = (whole[at] ?? 0) ^ 0x10
      await plant(damaged)
      expect(await there.get('k'), `byte ${at}`).toBeOneOf([undefined, expect.objectContaining(value)])
    }
    await plant(Buffer.from('garbage that is no entry of ours, and long enough to look like one'))
    await expectHealed()
  })

  test('100 KB of noise', async () => {
    const noise = Buffer.from(Uint32Array.from({ length: 25_000 }, (_, i) => Math.imul(i, 0x9e3779b1)).buffer)
    noise.write('H\u0001', 'latin1')
    await plant(noise)
    await expectHealed()
  })

  const types: Readonly<Record<string, readonly string[]>> = {
    list: ['LPUSH', 'x'],
    hash: ['HSET', 'f', 'x'],
    set: ['SADD', 'x'],
    'sorted set': ['ZADD', '1', 'x'],
    stream: ['XADD', '*', 'f', 'x'],
    'short text': ['SET', 'x'],
  }
  const places: Readonly<Record<string, string>> = {
    value: names.of('v', 'k'),
    lease: names.of('l', 'k'),
    'quarantine of the key': names.of('q', 'k'),
    'quarantine of the tag': names.of('x', 't'),
    tag: names.of('t', 't'),
    'namespace token': names.own('n'),
    'tag epoch': names.own('e'),
  }
  describe.each(Object.entries(places))('in place of a %s', (_place, name) => {
    test.each(Object.entries(types))(
      'a %s: a miss that the load overwrites',
      async (_type, [command = '', ...args]) => {
        await server.cli(command, name, ...args)
        expect(await here.getOrSet('k', () => value, { tags: ['t'] })).toEqual(value)
        await expectHealed()
        expect(await here.set('k', 'written', { tags: ['t'] })).toEqual({ l2: 'applied', stored: true })
        expect(await there.get('k')).toBe('written')
      },
    )
  })

  test('one bad key, read a thousand times, opens no breaker and costs other keys nothing', async () => {
    await here.set('good', value)
    await server.cli('LPUSH', names.of('v', 'k'), 'x')
    for (let round = 0; round < 50; round++) {
      const bad = Array.from({ length: 20 }, () => here.get('k'))
      expect(await Promise.all(bad)).toEqual(Array(20).fill(undefined))
      expect(await here.getOrSet('good', never)).toEqual(value)
    }
    await plant(Buffer.from('garbage'))
    for (let i = 0; i < 50; i++) expect(await here.get('k')).toBe(undefined)
    expect(here.stats().l2).toMatchObject({ online: true, breaker: 'closed', queuedInvalidations: 0 })
  })
})

describe('F32: entries of another shape or release', () => {
  const shape: StandardSchema<typeof value> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (given) =>
        typeof given === 'object' && given !== null && 'id' in given && 'tags' in given
          ? { value }
          : { issues: [{ message: 'no id and tags' }] },
    },
  }

  test('a value of the wrong shape is a miss to whoever says the shape, and the load overwrites it', async () => {
    await here.set('k', { name: 'of an older release of the application' })
    expect(await there.get('k', { validate: shape })).toBe(undefined)
    expect(await there.getOrSet('k', () => value, { validate: shape })).toEqual(value)
    expect(await here.getOrSet('k', never, { validate: shape })).toEqual(value)
    expect(here.stats().l2.breaker).toBe('closed')
  })

  test('an entry of format 1 as it was written in 2026 is read for ever', async () => {
    await server.cli('SET', names.own('n'), GOLDEN_NAMESPACE_TOKEN)
    await plant(GOLDEN_ENTRY)
    await using fresh = await openCache(server.url, { l1: false })
    expect(await fresh.get('k')).toEqual(GOLDEN_VALUE)
  })

  test.each([
    ['older', OLDER_ENTRY],
    ['newer', NEWER_ENTRY],
  ])('an entry of an %s format is a miss that the load overwrites', async (_age, bytes) => {
    await plant(bytes)
    expect(await here.get('k')).toBe(undefined)
    expect((await here.explain('k')).l2).toBeDefined()
    await expectHealed()
  })

  test('two releases side by side: each load overwrites the other, and every answer is right', async () => {
    const database = { version: 0 }
    const load = (): number => database.version
    for (let round = 0; round < 50; round++) {
      // The other release has changed the row and filled the key in its own format.
      database.version++
      await here.delete('k')
      if (round % 2 === 0) await plant(round % 4 === 0 ? NEWER_ENTRY : OLDER_ENTRY)
      const answers = await Promise.all([here, there].map((cache) => cache.getOrSet('k', load)))
      expect(answers).toEqual([database.version, database.version])
    }
    expect(here.stats().l2.breaker).toBe('closed')
  })
})
