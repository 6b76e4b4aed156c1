import { type StoreHarness, storeConformance } from '@holdfast/testkit'
import { describe, expect, test } from 'vitest'
import { ModelServers, modelPool } from './testing/memory-pool.ts'

function harnessOf(models: ModelServers): StoreHarness {
  const { servers } = models
  const all = (act: (server: (typeof servers)[number]) => unknown) => async () => {
    for (const server of servers) act(server)
  }
  return {
    definition: modelPool(models),
    push: false,
    inParts: servers.length > 1,
    flush: all((server) => server.flushAll()),
    cut: async () => {
      for (const server of servers) server.stop()
      for (const server of servers) server.start()
    },
    stall: all((server) => server.pause()),
    resume: all((server) => server.resume()),
    quarantinesWhenFull: true,
    setFull: async (isFull) => {
      for (const server of servers) server.outOfMemory = isFull
    },
    restart: async () => {
      for (const server of servers) server.stop()
      for (const server of servers) server.restartWithData()
    },
    losePart: async (part) => servers[part]?.stop(),
    regainParts: all((server) => {
      if (!server.running) server.start()
    }),
  }
}

// The model cannot evict or plant by the names that a pool gives its namespaces.
const NOT_MEANT = ['push', 'evict', 'plant']

describe.each([1, 3])('a pool of %d is a store', (count) => {
  for (const { name, rule, lacks, run } of storeConformance(harnessOf(new ModelServers(count, 'model')))) {
    if (lacks?.split(', ').every((need) => NOT_MEANT.includes(need))) continue
    test(`${rule}: ${name}`, async () => {
      expect(lacks).toBeUndefined()
      await run()
    })
  }
})
