import type { RedisServer } from '@holdfast/testkit'

/** What Redis counted of one command since its counters were reset; calls made by scripts are among them. */
export interface CommandCount {
  readonly calls: number
  /** Time spent in it, all calls together. */
  readonly micros: number
}

// What caches send by themselves, and what the reading of the counters adds.
const OWN: ReadonlySet<string> = new Set(['time', 'touch', 'hello', 'info', 'config|resetstat'])

/** Resets the server's counters, runs the work, and answers what it made the server do; heartbeats are left out. */
export async function countedDuring(
  server: RedisServer,
  work: () => Promise<unknown>,
): Promise<ReadonlyMap<string, CommandCount>> {
  await server.cli('CONFIG', 'RESETSTAT')
  await work()
  const counts = new Map<string, CommandCount>()
  for (const [field, text] of Object.entries(await server.info('commandstats'))) {
    const name = field.replace('cmdstat_', '')
    const [, calls, micros] = /^calls=(\d+),usec=(\d+)/.exec(text) ?? []
    if (!OWN.has(name)) counts.set(name, { calls: Number(calls), micros: Number(micros) })
  }
  return counts
}
