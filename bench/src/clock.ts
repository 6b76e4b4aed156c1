import { setTimeout as afterMs, setImmediate as nextTurn } from 'node:timers/promises'

/** Monotonic milliseconds, with fractions. */
export function nowMs(): number {
  return performance.now()
}

/** Waits; 0 waits for the next turn of the event loop. */
export async function pause(ms: number): Promise<void> {
  if (ms === 0) await nextTurn()
  else await afterMs(ms)
}

/** Calls `fire` once after `ms`; returns what cancels it. Keeps the process alive meanwhile. */
export function after(ms: number, fire: () => void): () => void {
  const timer = setTimeout(fire, ms)
  return () => clearTimeout(timer)
}

/** Keeps this process alive until the returned function is called: neither idle sockets nor caches do. */
export function stayAlive(): () => void {
  const timer = setInterval(() => {}, 60_000)
  return () => clearInterval(timer)
}
