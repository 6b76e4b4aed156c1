import { busConformance, type RedisServer, startRedis } from '@holdfast/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redisBusHarness } from '../testing/redis-bus-harness.ts'
import { redisBus } from './redis-bus.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

const harness = redisBusHarness(
  () => server,
  () => redisBus(server.url),
)

describe('Redis is a bus', () => {
  for (const { name, rule, lacks, run } of busConformance(harness)) {
    test(`${rule}: ${name}`, async () => {
      expect(lacks).toBeUndefined()
      await run()
    })
  }
})
