import { freePort, startRedis } from '@holdfast/testkit'
import { createCache } from 'holdfast'
import { expect, test, vi } from 'vitest'
import { redis } from './redis.ts'

test('a server that is not there at the start is told of once, and the cache answers all the same', async () => {
  const warnings: string[] = []
  const logger = { info: () => undefined, warn: (message: string) => void warnings.push(message) }
  await using cache = createCache({
    name: 'absent',
    logger,
    l2: redis(`redis://127.0.0.1:${await freePort()}`),
  })
  expect(await cache.getOrSet('k', () => 'v')).toBe('v')
  await vi.waitFor(() => expect(warnings).toHaveLength(1))
  expect(warnings[0]).toMatch(/not reached yet, going on without it: .*ECONNREFUSED/)
})

test('options that are refused leave no connection behind', async () => {
  await using server = await startRedis()
  const l2 = redis(server.url)
  // @ts-expect-error: not a duration
  expect(() => createCache({ name: 'leak', l2, l2Timeout: 'abc' })).toThrow('l2Timeout')
  // @ts-expect-error: not a mode
  expect(() => createCache({ name: 'leak', l2, l1: { mode: 'foo' } })).toThrow('l1.mode')
  // @ts-expect-error: not a logger
  expect(() => createCache({ name: 'leak', l2, logger: {} })).toThrow('logger')
  await using cache = createCache({ name: 'kept', l2 })
  await cache.barrier()
  const clients = String(await server.cli('CLIENT', 'LIST')).split('\n')
  expect(clients.filter((line) => line.includes('name=holdfast:'))).toHaveLength(1)
})

test('the first callers of a new connection find its scripts loaded', async () => {
  await using server = await startRedis()
  await using cache = createCache({ name: 'scripts', l2: redis(server.url) })
  await Promise.all(Array.from({ length: 50 }, (_, i) => cache.getOrSet(`k${i}`, () => i)))
  const errors = await server.info('errorstats')
  // Rule R runs once, on a namespace's first connection, after the scripts are there.
  expect(Object.keys(errors)).not.toContain('errorstat_NOSCRIPT')
})

test('all waits of an invalidation share one budget, on a new namespace too', async () => {
  await using server = await startRedis()
  await using cache = createCache({ name: 'frozen', l2: redis(server.url), l2Timeout: '200ms' })
  await cache.barrier()
  server.pause()
  const startedMs = performance.now()
  expect(await cache.namespace('new').clear()).toEqual({ l2: 'queued' })
  // Twice the budget would be 400 ms; the slack is for a busy machine.
  expect(performance.now() - startedMs).toBeLessThan(380)
  server.resume()
})
