import { oneAtATime } from './one-at-a-time.ts'

/**
 * What a record says of its ring. 'clear': nothing of another ring was found where it was written; 'entering': something
 * was, and whoever wrote it waits before he uses the ring; 'in-use': nobody has to wait any more.
 */
export type RingState = 'clear' | 'entering' | 'in-use'

const STATES: readonly RingState[] = ['entering', 'clear', 'in-use']

/** What is seen of a ring's record without fetching it. */
export interface RingMark {
  /** Of whose ring it is, in 30 bits: two of a thousand lists meet with a chance of 1 in 2,000. */
  readonly ring: number
  readonly state: RingState
}

export function ringMark(epoch: string, state: RingState): RingMark {
  return { ring: oneAtATime(epoch) >>> 2, state }
}

/** As client flags, which have 32 bits. */
export function encodeMark({ ring, state }: RingMark): number {
  return ring * 4 + STATES.indexOf(state)
}

export function decodeMark(flags: number): RingMark {
  return { ring: Math.floor(flags / 4), state: STATES[flags % 4] ?? 'entering' }
}

export function isMarkOf(mark: RingMark | undefined, epoch: string): boolean {
  return mark?.ring === ringMark(epoch, 'clear').ring
}
