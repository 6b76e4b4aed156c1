import { setTimeout as afterMs } from 'node:timers/promises'

/** Waits. Rejects when the signal fires. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await afterMs(ms, undefined, signal === undefined ? {} : { signal })
}

/** Calls `fire` once after `ms`, unless the answered function was called before. */
export function after(ms: number, fire: () => void): () => void {
  const timer = setTimeout(fire, ms)
  return () => clearTimeout(timer)
}

/** Calls `fire` again and again, until the answered function is called. */
export function every(ms: number, fire: () => void): () => void {
  const timer = setInterval(fire, ms)
  return () => clearInterval(timer)
}

/** Calls `fire` in the next turn of the event loop: what has arrived meanwhile is handled before it. */
export function nextTurn(fire: () => void): void {
  setImmediate(fire)
}
