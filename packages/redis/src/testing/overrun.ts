import { systemClock } from 'holdfast/contracts'

/** The default of `l2Timeout`: what all waits of one call on L2 may cost together. */
const L2_TIMEOUT_MS = 250
// What a call may add to its waits and its load: promises.md, "answer bound".
const OWN_MS = 50

/**
 * What a busy machine adds between the moment at which an answer is there and the one at which its caller goes on: the
 * timer it is held against has to wait for its turn as well, but not for the same turns.
 */
export const SLACK_MS = 50

/** The moment by which a call answers whatever L2 does, from its start. */
export function answerBoundMs(loaderMs: number): number {
  return L2_TIMEOUT_MS + loaderMs + OWN_MS
}

/**
 * How much later than its bound the work ended; negative: that much before. Held against a plain timer that is set
 * together with it: the lateness of a process that does not get its turn is not the work's.
 */
export async function overrunMs(boundMs: number, work: () => Promise<unknown>): Promise<number> {
  const startMs = systemClock.now()
  const { promise: plain, resolve } = Promise.withResolvers<number>()
  const timer = systemClock.after(boundMs, () => resolve(systemClock.now()), 'caller')
  try {
    await work()
    const endMs = systemClock.now()
    return endMs - startMs < boundMs ? endMs - startMs - boundMs : endMs - (await plain)
  } finally {
    timer.cancel()
  }
}
