import { readdirSync } from 'node:fs'
import { hostNow } from '@holdfast/testkit'

/** What a process holds, after a full garbage collection. */
export interface Vitals {
  readonly atMs: number
  readonly heapBytes: number
  readonly rssBytes: number
  /** Open files and sockets; undefined where the system has no /proc. */
  readonly fds: number | undefined
  /** What keeps the event loop alive, by kind. */
  readonly resources: Readonly<Record<string, number>>
  /** Of the process itself. */
  readonly listeners: number
}

/** Blocks the event loop for the time of two full collections: tens of milliseconds. */
export function takeVitals(): Vitals {
  // The second one takes what the first one's finalizers let go.
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  return {
    atMs: hostNow(),
    heapBytes: heapUsed,
    rssBytes: rss,
    fds: countFds(),
    resources: countByName(process.getActiveResourcesInfo()),
    listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
  }
}

function countFds(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined
  }
}

function countByName(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
