import type { Herd, HerdResult } from './herd-node.ts'
import type { TestProcess } from './test-process.ts'

/** Callers of each process, and how long a load takes, where a herd does not say. */
export const CALLERS = 100
export const LOAD_MS = 50

/** All callers of all these processes at once. */
export async function stampede(
  processes: readonly TestProcess[],
  herd: Pick<Herd, 'key'> & Partial<Herd>,
): Promise<HerdResult> {
  const whole: Herd = {
    callers: CALLERS,
    value: 'loaded',
    loadMs: LOAD_MS,
    ttlMs: 60_000,
    swr: false,
    ...herd,
  }
  const results = await Promise.all(processes.map((process) => process.call<HerdResult>('run', whole)))
  const answers: Record<string, number> = {}
  for (const result of results) {
    for (const [answer, times] of Object.entries(result.answers))
      answers[answer] = (answers[answer] ?? 0) + times
  }
  const waitedMs = results.flatMap((result) => result.waitedMs)
  return { answers, waitedMs, overruns: results.flatMap((result) => result.overruns) }
}
