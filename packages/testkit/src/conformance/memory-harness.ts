import type { StoreDefinition } from 'holdfast/contracts'
import type { MemoryServer } from '../memory-store/memory-server.ts'
import { memoryStore } from '../memory-store.ts'
import type { StoreHarness } from './harness.ts'

/** The suite's harness over the in-memory model, with every fault. `decorate` wraps the store, as a mutant does. */
export function memoryHarness(
  server: MemoryServer,
  decorate: (definition: StoreDefinition) => StoreDefinition = (definition) => definition,
): StoreHarness {
  return {
    definition: decorate(memoryStore(server)),
    push: true,
    evict: async (name) => void server.evict(name),
    plant: async (namespace, key, bytes) => server.plant(namespace, key, bytes),
    flush: async () => server.flushAll(),
    cut: async () => {
      server.stop()
      server.start()
    },
    stall: async () => server.pause(),
    resume: async () => server.resume(),
    setFull: async (isFull) => {
      server.outOfMemory = isFull
    },
    quarantinesWhenFull: true,
    restart: async () => server.restartWithData(),
  }
}
