import type { Ability } from './contender.ts'
import type { Finding } from './judge.ts'
import type { Stage } from './stage.ts'

/** One fault, and what every contender is held to while it lasts. */
export interface FaultRow {
  /** As in the fault matrix, e.g. `F8`. */
  readonly id: string
  readonly fault: string
  /** What can be observed from outside, with its bounds. */
  readonly promise: string
  /** Without this the row says nothing of a library, and is not played. */
  readonly needs?: Ability
  /** Injects the fault and looks at what came of it. */
  play(stage: Stage): Promise<readonly Finding[]>
}
