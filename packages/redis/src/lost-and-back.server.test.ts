/** What an operator hears of a Redis, and of a bus, that goes and comes back: events, and one line each. */
import { type RedisServer, startRedis, until } from '@holdfast/testkit'
import { type CacheEvent, createCache } from 'holdfast'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { redisBus } from './bus/redis-bus.ts'
import { redis } from './redis.ts'

let server: RedisServer
let busServer: RedisServer
beforeEach(async () => {
  const started = await Promise.all([startRedis(), startRedis()])
  server = started[0]
  busServer = started[1]
})
afterEach(async () => {
  await Promise.all([server.stop(), busServer.stop()])
})

function open() {
  const told: string[] = []
  const errors: unknown[] = []
  const lines: string[] = []
  const log = (line: string) => void lines.push(line)
  const cache = createCache({
    name: 'shop',
    l2: redis(server.url),
    l1: { mode: 'bus', bus: redisBus(busServer.url) },
    logger: { info: log, warn: log },
    onEvent(event: CacheEvent) {
      if (event.type !== 'trouble') return
      told.push(`${event.what} ${event.server}`)
      if (event.error !== undefined) errors.push(event.error)
    },
  })
  const of = (what: string) => lines.filter((line) => line.startsWith(`cache "shop": ${what} `))
  return { cache, told, errors, of }
}

test('a Redis that is killed is lost and back, with its address and the cause', async () => {
  const { cache, told, errors } = open()
  await using _ = cache
  await until('all is used', () => cache.stats().l2.online && cache.stats().bus.verified)
  expect(cache.stats().l2.servers).toMatchObject({ used: 1, away: 0, owed: 0 })
  expect((await cache.explain('k')).l2).toEqual({
    ...{ present: false, server: `${server.url}/0`, verdict: 'absent' },
  })
  await server.kill()
  await until('it is told', () => told.length > 0)
  expect(told).toEqual([`l2.lost ${server.url}/0`])
  expect(errors).toEqual([
    expect.objectContaining({
      code: 'l2_unavailable',
      cause: expect.objectContaining({ name: 'WireError' }),
    }),
  ])
  expect(cache.stats().l2.servers).toMatchObject({ used: 0, away: 1, owed: 0 })
  await server.restart()
  await until('it is told', () => told.length > 1)
  expect(told).toEqual([`l2.lost ${server.url}/0`, `l2.back ${server.url}/0`])
})

test('a bus that is killed is lost and back, and what it refuses is not what L2 refused', async () => {
  const { cache, told, of } = open()
  await using _ = cache
  await until('all is used', () => cache.stats().l2.online && cache.stats().bus.verified)
  await busServer.kill()
  await until('it is told', () => told.length > 0)
  expect(await cache.delete('k')).toEqual({ l2: 'queued' })
  await busServer.restart()
  await until('it is told', () => told.length > 2)
  const bus = `${busServer.url}/0`
  expect(told).toEqual([`bus.lost ${bus}`, `bus.refused ${bus}`, `bus.back ${bus}`])
  expect(cache.stats()).toMatchObject({ l2Errors: 0, l2WriteFailures: 0, bus: { verified: true } })
  expect(of('bus')).toEqual([
    expect.stringMatching(/ is lost \(.*\); L1 is not used until it is back$/),
    `cache "shop": bus ${bus}: is back, L1 is used again`,
  ])
})

test('a bus that was not reached is told of, and when it is there', async () => {
  await busServer.kill()
  const { cache, told, errors, of } = open()
  await using _ = cache
  await until('it is told', () => told.length > 0)
  await busServer.restart()
  await until('it is told', () => told.length > 1)
  const bus = `${busServer.url}/0`
  expect(told).toEqual([`bus.lost ${bus}`, `bus.back ${bus}`])
  expect(errors).toEqual([
    expect.objectContaining({
      code: 'bus_unavailable',
      cause: expect.objectContaining({ message: expect.stringContaining('ECONNREFUSED') }),
    }),
  ])
  expect(of('bus')).toEqual([
    expect.stringMatching(/: not reached yet, L1 is not used without it: .*ECONNREFUSED/),
    `cache "shop": bus ${bus}: is back, L1 is used again`,
  ])
})
