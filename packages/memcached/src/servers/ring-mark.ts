import { oneAtATime } from './one-at-a-time.ts'

/** What is seen of a ring's record without fetching it. */
export interface RingMark {
  /** Of whose ring it is, in 31 bits: two of a thousand lists meet with a chance of 1 in 4,000. */
  readonly ring: number
  /** False: whoever wrote it waits before it uses the ring. */
  readonly isInUse: boolean
}

export function ringMark(epoch: string, isInUse: boolean): RingMark {
  return { ring: oneAtATime(epoch) >>> 1, isInUse }
}

/** As client flags, which have 32 bits. */
export function encodeMark({ ring, isInUse }: RingMark): number {
  return ring * 2 + (isInUse ? 1 : 0)
}

export function decodeMark(flags: number): RingMark {
  return { ring: Math.floor(flags / 2), isInUse: flags % 2 === 1 }
}

export function isMarkOf(mark: RingMark | undefined, epoch: string): boolean {
  return mark?.ring === ringMark(epoch, false).ring
}
