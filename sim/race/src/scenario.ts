import type { MutationName } from './mutations.ts'
import { type Run, randomRace } from './random-race.ts'
import type { Verdict } from './verdict.ts'
import { WORKLOAD, type Workload } from './workload.ts'

/** What is run, by its name in the table. */
export interface Scenario {
  readonly name: string
  /** It takes too long for the short form. */
  readonly isLong?: boolean
  /** Its rounds take long, and are all alike: this share of the reads is enough. Default 1. */
  readonly readsShare?: number
  run(run: Run): Promise<Verdict>
}

/** A rule switched off in the scenario that provokes what it prevents. */
export interface Provocation {
  readonly mutation: MutationName
  readonly scenario: string
}

/** All that is run on one kind of shared tier. */
export interface Races {
  /** What must hold, each with all rules on. */
  readonly scenarios: readonly Scenario[]
  /** What must not: the same scenarios with one rule off. */
  readonly provocations: readonly Provocation[]
}

/** Random races, by the names of their workloads. */
export function randomRaces(workloads: Readonly<Record<string, Partial<Workload>>>): readonly Scenario[] {
  return Object.entries(workloads).map(([name, workload]) => ({
    name,
    isLong: (workload.runMsMin ?? 0) > 0,
    run: (run) => randomRace({ ...WORKLOAD, ...workload }, run),
  }))
}
