/** S8: compressed values in Redis, and bytes there that only claim to be some. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { zstdCompressSync } from 'node:zlib'
import { type RedisServer, startRedis } from '@holdfast/testkit'
import { type Cache, type CacheOptions, compression, createCache } from 'holdfast'
import { type DecodedEntry, decodeEntry, encodeEntry, systemClock } from 'holdfast/contracts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { Names } from '../names.ts'
import { redis } from '../redis.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
beforeEach(async () => void (await server.cli('FLUSHALL')))

const ROWS = Array.from({ length: 1_000 }, (_, id) => ({ id, name: `product ${id * 7919}`, price: id / 10 }))

function open(options: Partial<CacheOptions> = {}): Cache {
  return createCache({ name: 'shop', l1: false, l2: redis(server.url), l2Timeout: '10s', ...options })
}

const valueName = (key: string): string => new Names('shop').of('v', key)

/** What stands under a key; undefined: nothing that could be read. */
async function stored(key: string): Promise<DecodedEntry | undefined> {
  const bytes = await server.cliBytes('GET', valueName(key))
  return Buffer.isBuffer(bytes) ? decodeEntry(bytes, key, 0) : undefined
}

/** Puts other bytes in the place of an entry's payload. */
async function plant(key: string, payload: Buffer): Promise<void> {
  const entry = await stored(key)
  if (entry?.readable !== true) throw new Error('there is no entry to change')
  const life = { ttlMs: 60_000, keepMs: 60_000 }
  await server.cli(
    'SET',
    valueName(key),
    encodeEntry({ ...entry, ...life, version: 0n, payload }, key, systemClock.wallNow()),
  )
}

test('a long value takes a fraction of its bytes, and is the same to every node that compresses', async () => {
  await using plain = open()
  await using packing = open({ codec: compression() })
  await using older = open({ codec: compression({ algorithm: 'brotli' }) })
  await plain.set('plain', ROWS)
  await packing.set('packed', ROWS)
  await packing.set('small', 'short text')
  const [long, short, small] = await Promise.all([stored('plain'), stored('packed'), stored('small')])
  if (!long?.readable || !short?.readable || !small?.readable) throw new Error('an entry is unreadable')
  expect(short.payload.length).toBeLessThan(long.payload.length / 4)
  expect(small.payload.length).toBe('"short text"'.length + 1)
  expect(await older.getMany(['packed', 'small'])).toEqual([ROWS, 'short text'])
  await older.set('packed', ROWS)
  expect(await packing.get('packed')).toEqual(ROWS)
  // Another wrap is another cache's: a miss, both ways.
  expect(await plain.get('packed')).toBe(undefined)
  expect(await packing.get('plain')).toBe(undefined)
})

test('a value that is small only when compressed passes maxValueBytes; one that is large in any case does not', async () => {
  await using cache = open({ codec: compression(), maxValueBytes: '20kb' })
  await cache.set('k', ROWS)
  expect(await cache.get('k')).toEqual(ROWS)
  const random = Array.from({ length: 10_000 }, () => systemClock.random())
  expect(await cache.getOrSet('large', () => random)).toEqual(random)
  expect(await server.cli('EXISTS', valueName('large'))).toBe(0)
})

test('a bomb of 1 GiB in 33 KB is a miss within 50 ms and 32 MB, told of, and overwritten (S8)', async () => {
  await using cache = open({ codec: compression() })
  const troubles: unknown[] = []
  const take = (event: unknown): void => void troubles.push(event)
  const frames = Buffer.concat(Array(16).fill(zstdCompressSync(Buffer.alloc(64 * 2 ** 20))))
  expect(frames.length).toBeLessThan(40_000)
  const claims = [2 ** 30, frames.length * 100, 9_000]
  for (const claim of claims) {
    const head = Buffer.from([1, 0, 0, 0, 0])
    head.writeUInt32BE(claim, 1)
    const found: unknown[] = []
    await cache.set('bomb', 'a value')
    await plant('bomb', Buffer.concat([head, frames]))
    await cache.get('another key, so that the way there is warm')
    subscribe('holdfast:trouble', take)
    const before = process.memoryUsage().rss
    let fastestMs = Number.POSITIVE_INFINITY
    // A pause of the machine is not the bomb's: what is slow is slow each time.
    for (let i = 0; i < 5; i++) {
      const startMs = systemClock.now()
      found.push(await cache.get('bomb'))
      fastestMs = Math.min(fastestMs, systemClock.now() - startMs)
      expect(process.memoryUsage().rss - before).toBeLessThan(32 * 2 ** 20)
    }
    expect(fastestMs).toBeLessThan(50)
    unsubscribe('holdfast:trouble', take)
    expect(found).toEqual(Array(5).fill(undefined))
    expect(await cache.getOrSet('bomb', () => 'loaded')).toBe('loaded')
    expect(await cache.get('bomb')).toBe('loaded')
  }
  expect(troubles).toHaveLength(5 * claims.length)
  const error = expect.objectContaining({ code: 'decode_failed' })
  expect(troubles[0]).toMatchObject({ what: 'decode_failed', key: 'bomb', error })
})
