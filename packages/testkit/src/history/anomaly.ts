import type { HistoryEvent } from './history-event.ts'

/**
 * What can be wrong with a history. Names are those of the protocol document; its A11 (write-behind) and A13
 * (leaks) cannot be told from reads and invalidations.
 */
export const ANOMALIES = {
  A1: 'a read that started after an invalidation was acknowledged returned what was older than it',
  A2: 'a read of the final sweep is still stale',
  A3: 'a process read a version older than one it had read from a tier before',
  A4: 'a process read a version older than its own acknowledged write',
  A5: 'two fills of one lease were accepted',
  A6: 'two leases of one key were live at once',
  A7: 'a fill was accepted although its lease had been voided',
  A8: 'an L1 hit was older than the staleness bound',
  A9: 'the version in L2 went back',
  A10: 'a value of another key, or one that was never written',
  A12: 'a read was blocked beyond its deadline',
  A14: 'reported as acknowledged, and was not',
} as const

export type Anomaly = keyof typeof ANOMALIES

/** One event that breaks one rule. */
export interface Violation {
  readonly anomaly: Anomaly
  readonly event: HistoryEvent
  /** The evidence, in words. */
  readonly why: string
  /** Time from the acknowledgement that should have hidden the value to the read's start; 0 where it is no matter of time. */
  readonly staleMs: number
}
