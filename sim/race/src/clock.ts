import { setImmediate as nextTurn, setTimeout as afterMs } from 'node:timers/promises'

/** Waits; 0 waits for the next turn of the event loop. */
export async function pause(ms: number): Promise<void> {
  if (ms === 0) await nextTurn()
  else await afterMs(ms)
}
