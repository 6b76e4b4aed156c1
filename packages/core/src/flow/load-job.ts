import type { WaitBudget } from '../guard/wait-budget.ts'
import type { Policy } from '../policy.ts'
import type { Loader } from './call-loader.ts'

/** What a flight is to do. */
export interface LoadJob {
  readonly loader: Loader
  readonly policy: Policy
  /** What the caller's own READ found in L2 and could not use. */
  readonly seen: string | undefined
  /** A refresh that nobody waits for: it leaves where another process already loads. */
  readonly background: boolean
  readonly budget: WaitBudget
  /** Called when the flight has to wait for another process: a bulk load goes on without this key. */
  readonly onBlocked?: (() => void) | undefined
}

/** A loader's answer that ends a reservation without a value: whoever shared the flight loads for himself. */
export const GIVEN_BACK: unique symbol = Symbol('given back')
