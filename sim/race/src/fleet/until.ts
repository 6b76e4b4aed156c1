import { hostNow } from '@holdfast/testkit'
import { pause } from '../clock.ts'

const POLL_MS = 1
// Whatever is waited for is there within milliseconds, or never.
const WAIT_MS_MAX = 10_000

/** Resolves once the condition holds. Rejects with `what` when it does not within 10 s. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const byMs = hostNow() + WAIT_MS_MAX
  while (!(await holds())) {
    if (hostNow() > byMs) throw new Error(`waited ${WAIT_MS_MAX} ms in vain: ${what}`)
    await pause(POLL_MS)
  }
}
