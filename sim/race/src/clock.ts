import { setTimeout as afterMs, setImmediate as nextTurn } from 'node:timers/promises'

/** Waits; 0 waits for the next turn of the event loop. Rejects when the signal fires. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (ms === 0) await nextTurn()
  else await afterMs(ms, undefined, signal === undefined ? {} : { signal })
}
