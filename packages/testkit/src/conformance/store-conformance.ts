import type { CaseDefinition } from './case-definition.ts'
import { clearCases } from './cases/clear.ts'
import { connectionCases } from './cases/connection.ts'
import { dataCases } from './cases/data.ts'
import { expireCases } from './cases/expire.ts'
import { fillCases } from './cases/fill.ts'
import { invalidateCases } from './cases/invalidate.ts'
import { leaseCases } from './cases/lease.ts'
import { partCases } from './cases/parts.ts'
import { pushCases } from './cases/push.ts'
import { putCases } from './cases/put.ts'
import { quarantineCases } from './cases/quarantine.ts'
import { readCases } from './cases/read.ts'
import { tagCases } from './cases/tags.ts'
import { versionCases } from './cases/version.ts'
import { wakeCases } from './cases/wake.ts'
import { type ConformanceCase, lacksOf, type StoreHarness } from './harness.ts'
import { Stage } from './stage.ts'

const CASES: readonly CaseDefinition[] = [
  ...readCases,
  ...dataCases,
  ...leaseCases,
  ...fillCases,
  ...invalidateCases,
  ...tagCases,
  ...expireCases,
  ...clearCases,
  ...putCases,
  ...versionCases,
  ...quarantineCases,
  ...wakeCases,
  ...pushCases,
  ...connectionCases,
]

/**
 * The suite that every store passes: one case per fact of the L2 contract, for any test runner. A case opens
 * its own connections and namespace and closes them; faults reach the whole server, so run one at a time.
 *
 *     for (const { name, rule, lacks, run } of storeConformance(harness)) {
 *       test.skipIf(lacks !== undefined)(`${rule}: ${name}`, run)
 *     }
 */
export function storeConformance(harness: StoreHarness): readonly ConformanceCase[] {
  const cases = harness.inParts === true ? [...CASES, ...partCases] : CASES
  return cases.map(({ name, rule, needs, run }) => ({
    name,
    rule,
    lacks: lacksOf(harness, needs ?? []),
    run: async () => {
      const stage = new Stage(harness)
      try {
        await run(stage)
      } finally {
        await stage.close()
      }
    },
  }))
}
