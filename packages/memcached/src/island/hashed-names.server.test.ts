/** Names that are a hash: what stands under them says whose it is, whole. */
import { type MemcachedServer, startMemcached } from '@holdfast/testkit'
import { type Connect, connectSocket } from '@holdfast/wire'
import type { Cache } from 'holdfast'
import { decodeEntry, encodeEntry, systemClock } from 'holdfast/contracts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openCache, openIsland } from '../testing/open-island.ts'
import { Names } from './names.ts'

// What a server takes unless it is told otherwise.
const ITEM_BYTES_MAX = 2 ** 20
// Of the entry: docs/wire/entry.md.
const FLAGS_AT = 2
const FLAG_KEY = 8
const ID_AT = 4
const CHECK_AT = 12
const KEY_AT = 39

const ONE = 'a'.repeat(300)
const OTHER = 'b'.repeat(300)
const LONGEST = 'x'.repeat(8192)

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

/** The name of a key's item, as a command writes it, and the flag that goes with it. */
function nameOf(key: string): { readonly text: string; readonly flag: string } {
  const { text, isBinary } = new Names('shop').of('v', key)
  return { text, flag: isBinary ? ' b' : '' }
}

async function itemOf(key: string): Promise<Buffer> {
  const { text, flag } = nameOf(key)
  const [, bytes] = /^VA [^\r]*\r\n(.*)$/s.exec(await server.cli(`mg ${text} v${flag}`)) ?? []
  if (bytes === undefined) throw new Error(`there is no item of ${key}`)
  return Buffer.from(bytes, 'latin1')
}

async function plant(key: string, item: Buffer): Promise<void> {
  const { text, flag } = nameOf(key)
  expect(await server.cli(`ms ${text} ${item.length}${flag}\r\n${item.toString('latin1')}`)).toBe('HD')
}

function carriesKey(item: Buffer): boolean {
  return (item.readUInt8(FLAGS_AT) & FLAG_KEY) !== 0
}

/** The item with the check that `key` has under its id, which whoever can write it can compute. */
function checkedAs(key: string, item: Buffer): Buffer {
  const id = item.toString('latin1', ID_AT, CHECK_AT)
  const life = { ttlMs: 1, keepMs: 1, loadMs: 1, codec: 0, flags: 0, namespaceToken: '', tags: [] }
  const forged = Buffer.from(item)
  encodeEntry({ ...life, id, payload: Buffer.alloc(0) }, key, 0).copy(
    forged,
    CHECK_AT,
    CHECK_AT,
    CHECK_AT + 8,
  )
  return forged
}

/** The item as one is that carries no key: what a reader who compares none would go by. */
function withoutKey(item: Buffer): Buffer {
  const keyBytes = 2 + ONE.length
  const bytes = Buffer.concat([item.subarray(0, KEY_AT), item.subarray(KEY_AT + keyBytes)])
  bytes.writeUInt8(bytes.readUInt8(FLAGS_AT) & ~FLAG_KEY, FLAGS_AT)
  return bytes
}

describe('an entry', () => {
  test.each([
    ['set', () => cache.set(ONE, 'value')],
    ['setMany', () => cache.setMany([[ONE, 'value']])],
    ['a load', () => cache.getOrSet(ONE, () => 'value')],
    ['a load over a stale value', () => expiredAnd(() => cache.refresh(ONE, () => 'value'))],
    ['an expiry', () => expiredAnd(() => cache.get(ONE, { swr: '1h' }))],
  ])('carries its key whole, written by %s', async (_, write) => {
    await write()
    const item = await itemOf(ONE)
    expect(carriesKey(item)).toBe(true)
    expect(item.toString('latin1', KEY_AT + 2, KEY_AT + 2 + ONE.length)).toBe(ONE)
    expect(await cache.get(ONE, { swr: '1h' })).toBe('value')
  })

  async function expiredAnd(then: () => Promise<unknown>): Promise<void> {
    await cache.set(ONE, 'value', { swr: '1h' })
    await cache.expire(ONE)
    expect(await cache.get(ONE)).toBeUndefined()
    await then()
  }

  test('carries none where its name holds the key whole', async () => {
    const whole = 'x'.repeat(250 - 'v:4:shop'.length)
    for (const key of ['k', 'é', whole, `${whole}x`]) await cache.set(key, 'value')
    const items = await Promise.all(['k', 'é', whole].map(itemOf))
    for (const item of items) {
      expect(carriesKey(item)).toBe(false)
      expect(item).toHaveLength(items[0]?.length ?? 0)
    }
    // One character more is a hash.
    expect(carriesKey(await itemOf(`${whole}x`))).toBe(true)
  })
})

describe('the value of another key', () => {
  let item: Buffer
  beforeEach(async () => {
    await cache.set(ONE, 'of one')
    item = await itemOf(ONE)
  })

  test('would be given out where nothing is but the check, which can be forged', async () => {
    // A name that is whole is all that keeps this from happening: nobody but who writes items can put one there.
    await plant('k', checkedAs('k', withoutKey(item)))
    expect(await cache.get('k')).toBe('of one')
    const uncompared = withoutKey(checkedAs(OTHER, item))
    expect(decodeEntry(uncompared, OTHER, systemClock.wallNow())).toMatchObject({ readable: true })
  })

  test.each([
    ['with the key that it is of', () => checkedAs(OTHER, item)],
    ['without a key', () => checkedAs(OTHER, withoutKey(item))],
    ['as it is', () => item],
  ])('is a miss under a hashed name, %s', async (_, forge) => {
    await plant(OTHER, forge())
    expect(await cache.get(OTHER)).toBeUndefined()
    expect(await cache.getOrSet(OTHER, () => 'of other')).toBe('of other')
    expect(await cache.get(OTHER)).toBe('of other')
    expect(await cache.get(ONE)).toBe('of one')
  })

  test('is not what an expiry keeps', async () => {
    await plant(OTHER, checkedAs(OTHER, item))
    await cache.expire(OTHER)
    await expect(itemOf(OTHER)).rejects.toThrow('there is no item')
  })
})

describe('two keys of one hash', () => {
  /** A way to the server on which the name of the one is the name of the other, as if their hashes were the same. */
  const connect: Connect = (endpoint, listener) => {
    const socket = connectSocket(endpoint, listener)
    const [one, other] = [nameOf(ONE).text, nameOf(OTHER).text]
    return {
      write: (data, encoding) => {
        const bytes = typeof data === 'string' ? Buffer.from(data, encoding) : Buffer.from(data)
        return socket.write(bytes.toString('latin1').replaceAll(other, one), 'latin1')
      },
      cork: () => socket.cork(),
      uncork: () => socket.uncork(),
      get writableLength() {
        return socket.writableLength
      },
      end: () => socket.end(),
      destroy: () => socket.destroy(),
    }
  }

  test('are a miss where the value of the other stands', async () => {
    await using colliding = await openCache(server, {}, { connect })
    for (const [here, there] of [
      [ONE, OTHER],
      [OTHER, ONE],
    ] as const) {
      await colliding.set(here, `of ${here}`)
      expect(await colliding.getMany([here, there])).toEqual([`of ${here}`, undefined])
      expect(await colliding.getOrSet(there, () => `loaded for ${there}`)).toBe(`loaded for ${there}`)
      expect(await colliding.getMany([here, there])).toEqual([undefined, `loaded for ${there}`])
    }
  })

  test('share a lease, and no value', async () => {
    await using colliding = await openCache(server, {}, { connect })
    const keys = [ONE, OTHER]
    for (let i = 0; i < 10; i++) {
      const values = await Promise.all(keys.map((key) => colliding.getOrSet(key, () => `of ${key}`)))
      expect(values).toEqual(keys.map((key) => `of ${key}`))
    }
  })
})

test('keys with half a surrogate, which the store is not given by a cache, are kept apart, too', async () => {
  await using client = await openIsland(server)
  await client.put('\ud800', 'one')
  await client.put('\ud801', 'two')
  expect(await client.readText('\ud800')).toBe('one')
  expect(await client.readText('\ud801')).toBe('two')
  await plant('\ud801', checkedAs('\ud801', await itemOf('\ud800')))
  expect(await client.readText('\ud801')).toBeUndefined()
})

describe('the longest key', () => {
  test('is told apart from one that differs in its last character', async () => {
    const keys = [LONGEST, `${LONGEST.slice(1)}y`]
    await cache.setMany(keys.map((key) => [key, `of ${key}`]))
    expect(await cache.getMany(keys)).toEqual(keys.map((key) => `of ${key}`))
  })

  test('counts for what the server takes as an item: what is too large is refused before it is sent', async () => {
    await using client = await openIsland(server)
    const outcomes = new Set<string>()
    const edge = ITEM_BYTES_MAX - LONGEST.length - 160
    for (let size = edge - 130; size <= edge + 130; size += 13) {
      const text = 'x'.repeat(size)
      const outcome = await client.put(LONGEST, text).catch((error: { code: string }) => error.code)
      outcomes.add(outcome)
      if (outcome === 'stored') expect(await client.readText(LONGEST)).toBe(text)
    }
    expect([...outcomes]).toEqual(['stored', 'value_too_large'])
    expect((await server.stats()).store_too_large).toBe('0')
  })

  test('and as many and as long tags as there may be are read back with the largest value', async () => {
    await using small = await openCache(server, { maxValueBytes: '10kb' })
    const tags = Array.from({ length: 64 }, (_, i) => `${i + 100}${'一'.repeat(509)}`)
    const value = 'x'.repeat(10 * 1024 - 2)
    expect(await small.set(LONGEST, value, { tags })).toMatchObject({ stored: true })
    expect(await small.get(LONGEST)).toBe(value)
  })
})
