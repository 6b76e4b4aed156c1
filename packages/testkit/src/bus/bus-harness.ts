import type { Bus, Clock } from 'holdfast/contracts'

/**
 * What the suite needs of a bus, and what it may do to it. Each fault is optional: cases that need one which is missing
 * say so in `lacks`, and do not run. All cases may share one bus, one after the other.
 */
export interface BusHarness {
  /** Opened once per simulated process. */
  readonly bus: Bus
  /** Default: the machine's. */
  readonly clock?: Clock
  /** How long an expected event is waited for. Default 1000. */
  readonly patienceMs?: number
  /** Cuts every connection once; they come back by themselves. */
  cut?(): Promise<void>
  /** The bus is away until `start`: nothing can be published. */
  stop?(): Promise<void>
  start?(): Promise<void>
  /** The bus stops answering, then goes on and does what has arrived meanwhile. */
  stall?(): Promise<void>
  resume?(): Promise<void>
  /** Publishes on this topic as somebody who is no cache, whatever the length. */
  plant?(topic: string, frame: Uint8Array): Promise<void>
}

/** A means of the harness that a case cannot do without. */
export type BusNeed = 'cut' | 'stop' | 'stall' | 'plant'
