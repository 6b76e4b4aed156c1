/** A reply is cut off in the middle, or comes byte by byte. */
import {
  type FaultProxy,
  pause,
  type RedisServer,
  startFaultProxy,
  startRedis,
  until,
} from '@holdfast/testkit'
import type { Cache } from 'holdfast'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Names } from '../names.ts'
import { inUseAgain, openCache } from '../testing/open-cache.ts'
import { answerBoundMs, overrunMs, SLACK_MS } from '../testing/overrun.ts'

const LOADER_MS = 30
const names = new Names('faults')
const value = { id: 1, text: 'a\r\n$3\r\nb', list: Array.from({ length: 40 }, (_, i) => i) }

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

let proxy: FaultProxy
let cache: Cache
beforeEach(async () => {
  await server.cli('FLUSHALL')
  proxy = await startFaultProxy(server)
  cache = await openCache(`redis://127.0.0.1:${proxy.port}`, { l1: false })
  await cache.set('k', value, { tags: ['t'] })
})
afterEach(async () => {
  await cache.close()
  await proxy.close()
})

const load = async (): Promise<typeof value> => {
  await pause(LOADER_MS)
  return value
}

describe('F12: RST in the middle of a reply', () => {
  // `$<length>\r\n`, the header and the payload of the entry, `\r\n`: in all a few more than its 190 bytes.
  test.each([0, 1, 3, 5, 6, 30, 100, 200])(
    'after %i bytes: the loader answers in time, and the next calls are served',
    async (bytes) => {
      proxy.inject({ resetAfterBytes: bytes })
      const overMs = await overrunMs(answerBoundMs(LOADER_MS), async () => {
        expect(await cache.getOrSet('k', load)).toEqual(value)
      })
      expect(overMs).toBeLessThan(SLACK_MS)
      expect(cache.stats().loads).toBe(1)
      proxy.heal()
      expect(await cache.getOrSet('k', load)).toEqual(value)
      await inUseAgain(cache)
      const { loads } = cache.stats()
      expect(await cache.getOrSet('k', load)).toEqual(value)
      expect(cache.stats().loads).toBe(loads)
      expect(proxy.accepted).toBeGreaterThan(1)
    },
  )

  test.each(['delete', 'invalidateTag', 'clear'] as const)(
    'the outcome of %s is unknown: it is queued, and sent again before L2 is read',
    async (how) => {
      proxy.inject({ resetAfterBytes: 2 })
      const work = {
        delete: () => cache.delete('k'),
        invalidateTag: () => cache.invalidateTag('t'),
        clear: () => cache.clear(),
      }
      expect(await work[how]()).toEqual({ l2: 'queued' })
      // Somebody else stores it again: the queued one removes that as well, rather than be forgotten.
      await using other = await openCache(server.url)
      await other.set('k', value, { tags: ['t'] })
      proxy.heal()
      await inUseAgain(cache)
      await until('nothing is owed', () => cache.stats().l2.queuedInvalidations === 0)
      expect(await cache.get('k')).toBe(undefined)
      await until('the other node has heard of it', async () => (await other.get('k')) === undefined)
    },
  )

  test('a write whose outcome is unknown leaves nothing that is half known', async () => {
    proxy.inject({ resetAfterBytes: 2 })
    expect(await cache.set('k', 'written')).toEqual({ l2: 'queued', stored: false })
    proxy.heal()
    await inUseAgain(cache)
    await until('nothing is owed', () => cache.stats().l2.queuedInvalidations === 0)
    expect(await cache.get('k')).toBe(undefined)
    expect(await server.cli('EXISTS', names.of('v', 'k'))).toBe(0)
  })
})

describe('F15: every reply comes byte by byte', () => {
  test('from the handshake on: values, tags, misses, errors and pushes are what they are', async () => {
    proxy.inject({ sliceBytes: 1 })
    await using sliced = await openCache(`redis://127.0.0.1:${proxy.port}`, { l2Timeout: '10s' })
    await using other = await openCache(server.url)
    expect(await sliced.getOrSet('k', load)).toEqual(value)
    expect(await sliced.getOrSet('cold', load, { tags: ['t'] })).toEqual(value)
    await Promise.all(Array.from({ length: 20 }, (_, i) => sliced.set(`n${i}`, { ...value, id: i })))
    const keys = Array.from({ length: 20 }, (_, i) => `n${i}`)
    expect(await other.getMany(keys)).toEqual(keys.map((_, i) => ({ ...value, id: i })))
    await using reader = await openCache(`redis://127.0.0.1:${proxy.port}`, { l2Timeout: '10s', l1: false })
    expect(await reader.getMany([...keys, 'absent'])).toEqual([
      ...keys.map((_, i) => ({ ...value, id: i })),
      undefined,
    ])
    // A wrong type is an error reply, in pieces too.
    await server.cli('LPUSH', names.of('v', 'list'), 'x')
    expect(await reader.get('list')).toBe(undefined)
    // A push, whose pieces come between those of replies.
    await sliced.get('n1')
    await other.set('n1', 'changed')
    await sliced.barrier('10s')
    expect(await sliced.get('n1')).toBe('changed')
  })
})
