import type { Dice } from '@holdfast/race/dice'
import type { Plan } from './plan.ts'

/** What can go wrong, and how often each is chosen. */
const KINDS = [
  ['kill-empty', 8],
  ['kill-old-data', 10],
  ['failover', 8],
  ['freeze', 10],
  ['cut', 12],
  ['slow', 8],
  ['blackhole', 10],
  ['torn', 6],
  ['out-of-memory', 6],
  ['flush', 5],
  ['script-flush', 4],
  ['client-kill', 6],
  ['heap-pressure', 4],
  ['stall', 8],
  ['database-away', 6],
] as const

export type FaultKind = (typeof KINDS)[number][0]

export const FAULT_KINDS: readonly FaultKind[] = KINDS.map(([kind]) => kind)

/** One fault of a schedule. Which of its numbers matter depends on its kind. */
export interface PlannedFault {
  readonly kind: FaultKind
  /** Quiet time before it. */
  readonly gapMs: number
  readonly holdMs: number
  /** Which process it is done to, where it is done to one. */
  readonly app: number
  /** Times that it is done in its holding time, where it is done at once. */
  readonly times: number
  readonly delayMs: number
  readonly jitterMs: number
  /** Bytes of replies that pass before a connection is torn. */
  readonly bytes: number
}

const HOLD_MS_MIN = 500
const TIMES_MAX = 4
const DELAY_MS_MAX = 150
const TORN_BYTES_MAX = 20_000

/** The faults of a run, without end: the same for the same dice. */
export function* planFaults(
  dice: Dice,
  plan: Pick<Plan, 'apps' | 'gapMs' | 'holdMsMax'>,
): Generator<PlannedFault, never> {
  const { apps, gapMs, holdMsMax } = plan
  const between = (min: number, max: number): number => min + dice.upTo(Math.max(0, max - min))
  for (;;) {
    yield {
      kind: dice.weighted(KINDS),
      gapMs: between(gapMs.min, gapMs.max),
      holdMs: between(Math.min(HOLD_MS_MIN, holdMsMax), holdMsMax),
      app: dice.upTo(apps - 1),
      times: 1 + dice.upTo(TIMES_MAX - 1),
      delayMs: dice.upTo(DELAY_MS_MAX),
      jitterMs: dice.upTo(DELAY_MS_MAX),
      bytes: dice.upTo(TORN_BYTES_MAX),
    }
  }
}
