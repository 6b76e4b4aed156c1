import type { Clock, StoreDefinition } from 'holdfast/contracts'
import type { NameKind, ServerName } from '../memory-store/model.ts'

export type { NameKind, ServerName } from '../memory-store/model.ts'

/**
 * What the suite needs of a store, and what it may do to the store's server. Each fault is optional: cases that
 * need one which is missing say so in `lacks`, and do not run. All cases may share one server, one after the other.
 */
export interface StoreHarness {
  /** Opened once per simulated process; every `open` must reach the same server. */
  readonly definition: StoreDefinition
  /** What the opened store declares as `capabilities.push`; the suite checks that it does. */
  readonly push: boolean
  /** Whether the store has parts, of which one can be lost: those cases run too. Default false. */
  readonly inParts?: boolean
  /** The client's clock. Default: the machine's. */
  readonly clock?: Clock
  /**
   * Lets time pass for client and server. Default: waits that long on `clock`, whose timers
   * do not keep a process alive: a test runner has to. At most 100 ms more than the shortest lease lasts are asked for.
   */
  pass?(ms: number): Promise<void>
  /** How long an expected push or event is waited for, in milliseconds. Default 1000. */
  readonly patienceMs?: number
  /** Makes the server forget one name, as eviction does. */
  evict?(name: ServerName): Promise<void>
  /** Writes foreign bytes where a value is kept. */
  plant?(namespace: string, key: string, bytes: Uint8Array): Promise<void>
  /** Empties the server (FLUSHALL). */
  flush?(): Promise<void>
  /** Cuts every connection to the server once; the stores come back by themselves. */
  cut?(): Promise<void>
  /** The server stops answering (SIGSTOP), then goes on and executes what has arrived meanwhile. */
  stall?(): Promise<void>
  resume?(): Promise<void>
  /** The server's memory is full under noeviction, until told otherwise. */
  setFull?(isFull: boolean): Promise<void>
  /** Quarantines, too, find room in full memory. Default false. */
  readonly quarantinesWhenFull?: boolean
  /** Restarts the server with the data it has now (rule R). */
  restart?(): Promise<void>
  /** Of a store of several parts: cuts every client off from this one, which keeps its data, until `regainParts`. */
  losePart?(part: number): Promise<void>
  regainParts?(): Promise<void>
}

/** A means of the harness that a case cannot do without. */
export type Need =
  | 'push'
  | 'evict'
  | 'plant'
  | 'flush'
  | 'cut'
  | 'stall'
  | 'setFull'
  | 'quarantinesWhenFull'
  | 'restart'
  | 'losePart'

/** One fact that every store must make true. */
export interface ConformanceCase {
  readonly name: string
  /** The operation or the rule of the protocol document that it checks. */
  readonly rule: string
  /** What the harness lacks to run it; undefined: it runs. */
  readonly lacks: string | undefined
  /** Rejects with an AssertionError where the store breaks the rule. */
  run(): Promise<void>
}

export function lacksOf(harness: StoreHarness, needs: readonly Need[]): string | undefined {
  const missing = needs.filter((need) => harness[need] === undefined || harness[need] === false)
  return missing.length === 0 ? undefined : missing.join(', ')
}

/** The kinds of names that an `evict` is asked for. */
export type EvictedKind = Extract<NameKind, 'value' | 'lease' | 'tag' | 'namespace' | 'epoch'>
