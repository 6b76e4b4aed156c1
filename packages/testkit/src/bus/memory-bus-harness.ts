import type { Bus } from 'holdfast/contracts'
import type { BusHarness } from './bus-harness.ts'
import type { MemoryBus } from './memory-bus.ts'

/** The suite's harness over the bus in memory, with every fault. `decorate` wraps the bus, as a mutant does. */
export function memoryBusHarness(memory: MemoryBus, decorate: (bus: Bus) => Bus = (bus) => bus): BusHarness {
  return {
    bus: decorate(memory),
    cut: async () => {
      memory.stop()
      memory.start()
    },
    stop: async () => memory.stop(),
    start: async () => memory.start(),
    stall: async () => memory.pause(),
    resume: async () => memory.resume(),
    plant: async (topic, frame) => memory.plant(topic, frame),
  }
}
