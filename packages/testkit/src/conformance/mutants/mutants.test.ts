import { describe, expect, test } from 'vitest'
import { MemoryServer } from '../../memory-store/memory-server.ts'
import type { ConformanceCase, StoreHarness } from '../harness.ts'
import { memoryHarness } from '../memory-harness.ts'
import { partedHarness } from '../parted-harness.ts'
import { storeConformance } from '../store-conformance.ts'
import { expectedFailures } from './expected-failures.ts'
import { partMutants } from './part-mutants.ts'
import { ruleMutants } from './rule-mutants.ts'
import { surfaceMutants } from './surface-mutants.ts'

// Long enough for what the model delivers in the next turn and for a few heartbeats of 20 ms.
const PATIENCE_MS = 100
const HANG_MS = 1000

const mutants: readonly (readonly [name: string, make: () => StoreHarness])[] = [
  ...Object.entries(ruleMutants).map(
    ([name, Commands]) =>
      [name, () => memoryHarness(new MemoryServer({ commands: (parts) => new Commands(parts) }))] as const,
  ),
  ...Object.entries(surfaceMutants).map(
    ([name, mutant]) => [name, () => memoryHarness(new MemoryServer(), mutant)] as const,
  ),
  ...Object.entries(partMutants),
]

const caseNames = storeConformance(partedHarness()).map(({ name }) => name)

/** One case over a server of its own. */
function caseOver(make: () => StoreHarness, name: string): ConformanceCase {
  const found = storeConformance({ ...make(), patienceMs: PATIENCE_MS }).find((each) => each.name === name)
  if (found === undefined) throw new Error(`expected-failures.ts: no case is called '${name}'`)
  return found
}

/** Whether a case rejects; one that hangs has failed too. */
async function isFailing(run: () => Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const hang = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), HANG_MS)
  })
  const outcome = run().then(
    () => false,
    () => true,
  )
  return Promise.race([outcome, hang]).finally(() => clearTimeout(timer))
}

describe('the suite fails a store', () => {
  for (const [mutant, make] of mutants) {
    test(`of which this is true: ${mutant}`, async () => {
      const names = expectedFailures[mutant] ?? []
      expect(names.length, 'cases named in expected-failures.ts').toBeGreaterThan(0)
      const survived = await Promise.all(
        names.map(async (name) => ((await isFailing(caseOver(make, name).run)) ? [] : [name])),
      )
      expect(survived.flat()).toEqual([])
    })
  }
})

test('every case is failed by some mutant', () => {
  const failed = new Set(Object.values(expectedFailures).flat())
  expect(caseNames.filter((name) => !failed.has(name))).toEqual([])
})

test('expected failures name mutants that exist', () => {
  expect(Object.keys(expectedFailures).sort()).toEqual(mutants.map(([name]) => name).sort())
})
