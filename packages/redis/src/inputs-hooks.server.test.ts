/** Hooks that throw, reject or hang (B40): every method ends as it does without them, on every tier. */
import { type RedisServer, startRedis, until } from '@holdfast/testkit'
import { Cache, CacheError, type CacheOptions } from 'holdfast'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { everyMethod } from './testing/every-method.ts'
import { inUse, openTiers, TIERS, type Tiers } from './testing/tiers.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
const opened: Cache[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((cache) => cache.close()))
})
beforeEach(() => server.cli('FLUSHALL'))

const hooks: Readonly<Record<string, () => unknown>> = {
  throws: () => {
    throw new Error('broken hook')
  },
  rejects: async () => {
    throw new Error('broken hook')
  },
  hangs: () => new Promise(() => undefined),
}

// Ages, times left and facts of the server differ from one moment to the next.
const OF_THE_MOMENT: readonly string[] = ['explain', 'inspect', 'ttl', 'getEntry']

/** How each method ends, one after the other, on a cache that holds one key and not the other. */
async function endsOfAll(
  tiers: Tiers,
  options: Partial<CacheOptions>,
): Promise<[Record<string, unknown>, Cache]> {
  const cache = await openTiers(tiers, server.url, options)
  opened.push(cache)
  await inUse(cache.namespace('inner'), tiers)
  await cache.set('there', 'v', { tags: ['t'] })
  const ends: Record<string, unknown> = {}
  const broken = (): never => {
    throw new Error('broken loader')
  }
  const rounds = { there: {}, absent: {}, failing: { loader: broken }, refused: { key: '', tag: '' } }
  for (const [round, given] of Object.entries(rounds)) {
    for (const [method, call] of Object.entries(everyMethod(cache, { key: round, ...given }))) {
      ends[`${method}, ${round}`] = await endOf(method, call)
    }
  }
  return [ends, cache]
}

async function endOf(method: string, call: () => unknown): Promise<unknown> {
  try {
    const answer = await call()
    if (OF_THE_MOMENT.includes(method) || answer instanceof Cache) return 'answered'
    if (typeof answer === 'object' && answer !== null && 'fill' in answer) return 'a duty'
    return answer
  } catch (error) {
    return error instanceof CacheError ? error.code : String(error)
  }
}

describe.each(TIERS)('%s', (tiers) => {
  test.each(Object.entries(hooks))('onEvent and logger, each of which %s', async (title, hook) => {
    const [without, plain] = await endsOfAll(tiers, {})
    await plain.close()
    await server.cli('FLUSHALL')
    let called = 0
    const onEvent = () => {
      called++
      return hook()
    }
    const [ends, cache] = await endsOfAll(tiers, { onEvent, logger: { info: onEvent, warn: onEvent } })
    expect(ends).toEqual(without)
    await cache.close()
    expect(called).toBeGreaterThan(20)
    if (title === 'hangs') expect(cache.stats().hookErrors).toBe(0)
    else await until('each failure is counted', () => cache.stats().hookErrors === called)
  })
})
