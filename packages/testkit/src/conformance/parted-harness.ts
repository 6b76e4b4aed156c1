import { MemoryServer } from '../memory-store/memory-server.ts'
import type { PartRules } from '../memory-store/part.ts'
import { partedMemoryStore } from '../parted-memory-store.ts'
import type { StoreHarness } from './harness.ts'

/** Servers of which each is a part. */
export function memoryParts(): readonly MemoryServer[] {
  return [new MemoryServer(), new MemoryServer(), new MemoryServer()]
}

/** The suite's harness over the in-memory model in parts. `rules`: those that a mutant replaces. */
export function partedHarness(
  servers: readonly MemoryServer[] = memoryParts(),
  rules: Partial<PartRules> = {},
): StoreHarness {
  const definition = partedMemoryStore(servers, rules)
  const each = (act: (server: MemoryServer) => unknown) => async () => {
    for (const server of servers) act(server)
  }
  return {
    definition,
    push: false,
    inParts: true,
    evict: async (name) => {
      for (const server of servers) server.evict(name)
    },
    plant: async (namespace, key, bytes) => servers[definition.partOf(key)]?.plant(namespace, key, bytes),
    flush: each((server) => server.flushAll()),
    cut: async () => {
      for (const server of servers) server.stop()
      for (const server of servers) server.start()
    },
    stall: each((server) => server.pause()),
    resume: each((server) => server.resume()),
    setFull: async (isFull) => {
      for (const server of servers) server.outOfMemory = isFull
    },
    quarantinesWhenFull: true,
    restart: async () => {
      for (const server of servers) server.stop()
      for (const server of servers) server.restartWithData()
    },
    losePart: async (part) => servers[part]?.stop(),
    regainParts: each((server) => {
      if (!server.running) server.start()
    }),
  }
}
