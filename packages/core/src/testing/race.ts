import { expect, test } from 'vitest'
import { type Off, Stage } from './stage.ts'

/** An interleaving in which one rule alone stands between a caller and an old value. */
export interface Race {
  /** What switches the rule off. */
  readonly off: Off
  /** Plays the interleaving and answers what was observed. */
  readonly play: (stage: Stage) => Promise<unknown>
  /** What must be observed with the rule. */
  readonly holds: unknown
  /** The bad outcome that must really happen without it. */
  readonly breaks: unknown
}

/** Plays a race twice: with the rule, and with the rule switched off. */
export function race(title: string, { off, play, holds, breaks }: Race): void {
  test(title, async () => {
    await using stage = new Stage()
    expect(await play(stage)).toEqual(holds)
  })
  test(`${title}: not without the rule`, async () => {
    await using stage = new Stage(off)
    expect(await play(stage)).toEqual(breaks)
  })
}

/** A predicate of the fence that is off. */
export const always = (): true => true
