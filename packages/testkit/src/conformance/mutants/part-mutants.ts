import { MemoryServer } from '../../memory-store/memory-server.ts'
import type { StoreHarness } from '../harness.ts'
import { memoryParts, partedHarness } from '../parted-harness.ts'

/** Three parts that are one server: they share its tokens. */
function partsOfOneServer(): StoreHarness {
  const server = new MemoryServer()
  return partedHarness([server, server, server])
}

/** What a store of several parts can get wrong. */
export const partMutants: Readonly<Record<string, () => StoreHarness>> = {
  'parts share tokens': partsOfOneServer,
  'a part is used while it is owed': () =>
    partedHarness(memoryParts(), { mayUse: () => true, replayAfterMs: 50 }),
  'what a part is owed is forgotten': () => partedHarness(memoryParts(), { owes: () => false }),
  'one part hears of tags and clears': () =>
    partedHarness(memoryParts(), { hearsOfAll: (part) => part === 0 }),
  'every part hears of every key': () => partedHarness(memoryParts(), { hearsOfKey: () => true }),
  'how parts stand is not told': () => partedHarness(memoryParts(), { tellsHowTheyStand: false }),
  'a part that is away is the whole store': () => partedHarness(memoryParts(), { failsAsAWhole: true }),
}
