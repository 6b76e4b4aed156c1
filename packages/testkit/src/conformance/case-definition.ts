import type { Need } from './harness.ts'
import type { Stage } from './stage.ts'

/** A case before it is bound to a harness. */
export interface CaseDefinition {
  readonly name: string
  readonly rule: string
  readonly needs?: readonly Need[]
  run(stage: Stage): Promise<void>
}
