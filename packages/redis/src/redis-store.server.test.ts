import {
  type RedisServer,
  type ServerName,
  type StoreHarness,
  startRedis,
  storeConformance,
} from '@holdfast/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Names } from './names.ts'
import { redis } from './redis.ts'

// The suite's cases are made before a server can be started: the harness reads it when a case runs.
let server: RedisServer
beforeAll(async () => {
  server = await startRedis({ args: ['--enable-debug-command', 'yes'] })
})
afterAll(() => server.stop())

function nameOf({ kind, namespace, name }: ServerName): string {
  const names = new Names(namespace)
  if (kind === 'namespace') return names.own('n')
  if (kind === 'epoch') return names.own('e')
  return names.of(kind === 'value' ? 'v' : kind === 'lease' ? 'l' : 't', name)
}

const harness: StoreHarness = {
  definition: { open: (environment) => redis(server.url).open(environment) },
  push: true,
  evict: async (name) => void (await server.cli('DEL', nameOf(name))),
  plant: async (namespace, key, bytes) =>
    void (await server.cli('SET', new Names(namespace).of('v', key), bytes)),
  flush: async () => void (await server.cli('FLUSHALL')),
  cut: async () => void (await server.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')),
  stall: async () => server.pause(),
  resume: async () => server.resume(),
  setFull: async (isFull) => {
    await server.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    await server.cli('CONFIG', 'SET', 'maxmemory', isFull ? '1' : '0')
  },
  restart: async () => {
    await server.cli('SAVE')
    await server.kill()
    await server.restart()
  },
}

describe('Redis is a store', () => {
  for (const { name, rule, lacks, run } of storeConformance(harness)) {
    test(`${rule}: ${name}`, async () => {
      expect(lacks).toBeUndefined()
      await run()
    })
  }
})
