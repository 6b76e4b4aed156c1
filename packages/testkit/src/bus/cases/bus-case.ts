import type { BusNeed } from '../bus-harness.ts'
import type { BusStage } from '../bus-stage.ts'

/** A case before it is bound to a harness. */
export interface BusCase {
  readonly name: string
  readonly rule: 'order' | 'delivery' | 'loss' | 'bounds'
  readonly needs?: readonly BusNeed[]
  run(stage: BusStage): Promise<void>
}
