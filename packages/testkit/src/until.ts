import { systemClock } from 'holdfast/contracts'

const POLL_MS = 1
// Whatever a test waits for is there within milliseconds, or never.
const WAIT_MS_MAX = 10_000

/** Resolves once the condition holds. Rejects with `what` when it does not within 10 s. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const by = systemClock.now() + WAIT_MS_MAX
  while (!(await holds())) {
    if (systemClock.now() > by) throw new Error(`waited ${WAIT_MS_MAX} ms in vain: ${what}`)
    await pause(POLL_MS)
  }
}

/** Waits on the machine's clock, as a slow database does; it keeps the process alive, as that would. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => systemClock.after(ms, resolve, 'caller'))
}
