import type { SoakMutation } from './mutation.ts'

/** What a soak does. Plain data. */
export interface Plan {
  readonly seed: number
  /** Faults are injected this long. */
  readonly safetyMs: number
  /** Then load goes on without faults this long. */
  readonly livenessMs: number
  /** Application processes, each with a cache of its own. */
  readonly apps: number
  /** Calls a second of each process, due whether the ones before have ended or not. */
  readonly callsPerSecond: number
  /** Keys in the database; drawn by Zipf's law. */
  readonly keys: number
  /** Entries that a process keeps. */
  readonly l1EntriesMax: number
  /** Quiet time between two faults. */
  readonly gapMs: Span
  /** No fault holds longer than this. */
  readonly holdMsMax: number
  /** History is checked in windows of this length. */
  readonly windowMs: number
  /** Of a hit in L1 in calm time, from the moment it was made. */
  readonly l1HitP99MsMax: number
  /** What is broken on purpose; undefined: nothing. */
  readonly mutation: SoakMutation | undefined
}

interface Span {
  readonly min: number
  readonly max: number
}

/** Shares of promises.md, section 6: Zipf 0.99 over 100,000 keys, two processes, a fault every 2 to 8 s. */
export const LONG: Plan = {
  seed: 0,
  safetyMs: 20 * 60_000,
  livenessMs: 2 * 60_000,
  apps: 2,
  callsPerSecond: 2000,
  keys: 100_000,
  l1EntriesMax: 20_000,
  gapMs: { min: 2000, max: 8000 },
  holdMsMax: 5000,
  windowMs: 5000,
  l1HitP99MsMax: 1,
  mutation: undefined,
}

/** The form of CI: the same, in less time, with fewer keys, and one fault soon after the other. */
export const SHORT: Plan = {
  ...LONG,
  safetyMs: 20_000,
  livenessMs: 6000,
  callsPerSecond: 1500,
  keys: 5000,
  l1EntriesMax: 2000,
  gapMs: { min: 300, max: 1200 },
  holdMsMax: 1500,
  windowMs: 1000,
  // Beside other tests that keep both cores busy a hit waits for a place on one, or for a heartbeat that does.
  l1HitP99MsMax: 20,
}
