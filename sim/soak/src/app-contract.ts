import type { Plan } from './plan.ts'
import type { Progress } from './tally.ts'
import type { Vitals } from './vitals.ts'
import type { Windows } from './window-recorder.ts'

/** All that makes a process. Plain data. */
export interface AppSetup {
  readonly name: string
  readonly plan: Plan
  /** Of L2, by way of the fault proxy. */
  readonly url: string
  readonly namespace: string
  readonly windows: Windows
}

/** What the parent asks of a process. */
export type Order =
  /** Waits until L2 is there. */
  | { readonly order: 'connect' }
  | { readonly order: 'drive' }
  /** False: a fault is about to begin. */
  | { readonly order: 'calm'; readonly isCalm: boolean }
  | { readonly order: 'allow-writes'; readonly isAllowed: boolean }
  /** Blocks the event loop. */
  | { readonly order: 'stall'; readonly ms: number }
  /** Fills the heap, holds it for the time, and lets it go. */
  | { readonly order: 'press'; readonly bytes: number; readonly ms: number }
  | { readonly order: 'take-vitals' }
  /** Reads with a loader. */
  | { readonly order: 'read'; readonly keys: readonly number[] }
  /** What the tiers hold, without loading. */
  | { readonly order: 'peek'; readonly keys: readonly number[] }
  /** Ends the load; resolves when every call has its answer. */
  | { readonly order: 'rest' }
  | { readonly order: 'close' }

/** How a process stands; with what was asked for. */
export interface AppAnswer {
  readonly isOnline: boolean
  readonly owed: number
  readonly flights: number
  readonly underWay: number
  readonly progress: Progress
  readonly vitals?: Vitals
  /** In the order of the keys; 0: nothing is held, or the load failed. */
  readonly versions?: readonly number[]
}
