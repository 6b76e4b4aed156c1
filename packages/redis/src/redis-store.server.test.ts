import { type RedisServer, startRedis, storeConformance } from '@holdfast/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redis } from './redis.ts'
import { redisHarness } from './testing/redis-harness.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis({ args: ['--enable-debug-command', 'yes'] })
})
afterAll(() => server.stop())

const harness = redisHarness(
  () => server,
  () => redis(server.url),
)

describe('Redis is a store', () => {
  for (const { name, rule, lacks, run } of storeConformance(harness)) {
    test(`${rule}: ${name}`, async () => {
      expect(lacks).toBeUndefined()
      await run()
    })
  }
})
