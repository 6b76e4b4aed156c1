import type { WaitBudget } from '../guard/wait-budget.ts'
import type { Policy } from '../policy.ts'
import type { Loader } from './loader.ts'

/** What a key of a bulk call says of its load. */
export type BulkCall = Required<Pick<LoadJob, 'placed' | 'turn' | 'onBlocked'>>

/** What a flight is to do. */
export interface LoadJob {
  readonly loader: Loader
  readonly policy: Policy
  /** What the caller's own READ found in L2 and could not use. */
  readonly seen: string | undefined
  /** A refresh that nobody waits for: it leaves where another process already loads. */
  readonly background: boolean
  /** Only a load that begins after the call will do (`refresh`): no running one, and nothing that is stored. */
  readonly anew?: boolean
  /** It takes no place of its own (a bulk load, a reservation, a load inside of a load). */
  readonly placed?: boolean
  /** Waits for the one place of a bulk load, before a lease is asked for. */
  readonly turn?: (() => Promise<void>) | undefined
  /** Does not wait where another process loads. */
  readonly leavesIfBusy?: boolean
  readonly budget: WaitBudget
  /** Called when the flight has to wait for another process: a bulk load goes on without this key. */
  readonly onBlocked?: (() => void) | undefined
}

/** A value that a loader gave. */
export interface Loaded {
  readonly value: unknown
  /** Runtime.mark when the load began. */
  readonly loadMark: number
  readonly startedAt: number
}
