import type { ConformanceCase } from '../conformance/harness.ts'
import type { BusHarness } from './bus-harness.ts'
import { BusStage } from './bus-stage.ts'
import type { BusCase } from './cases/bus-case.ts'
import { deliveryCases } from './cases/delivery.ts'
import { faultCases } from './cases/faults.ts'
import { orderCases } from './cases/order.ts'

export type { BusHarness } from './bus-harness.ts'

const CASES: readonly BusCase[] = [...deliveryCases, ...orderCases, ...faultCases]

/**
 * The suite that every bus passes: one case per fact of its contract, for any test runner. A case opens connections and a
 * topic of its own and closes them; faults reach the whole bus, so run one at a time.
 *
 *     for (const { name, rule, lacks, run } of busConformance(harness)) {
 *       test.skipIf(lacks !== undefined)(`${rule}: ${name}`, run)
 *     }
 */
export function busConformance(harness: BusHarness): readonly ConformanceCase[] {
  return CASES.map(({ name, rule, needs = [], run }) => {
    const missing = needs.filter((need) => harness[need] === undefined)
    return {
      name,
      rule,
      lacks: missing.length === 0 ? undefined : missing.join(', '),
      run: async () => {
        const stage = new BusStage(harness)
        try {
          await run(stage)
        } finally {
          await stage.close()
        }
      },
    }
  })
}
