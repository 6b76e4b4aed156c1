import { after, nowMs } from './clock.ts'
import type { Effort, Numbers } from './row.ts'

/** Makes one call, checks its answer, and throws where it is wrong. */
export type Call = (caller: number, turn: number) => Promise<void>

/**
 * Keeps a number of calls in flight for `warmUpMs`, then again for `measureMs`: calls a second, and microseconds of
 * processor time (all threads, kernel included) that each cost.
 */
export async function keepInFlight(callers: number, effort: Effort, call: Call): Promise<Numbers> {
  await callFor(callers, effort.warmUpMs, call)
  const startedAt = nowMs()
  const cpuBefore = process.cpuUsage()
  const calls = await callFor(callers, effort.measureMs, call)
  const cpu = process.cpuUsage(cpuBefore)
  return {
    opsPerSecond: (calls / (nowMs() - startedAt)) * 1000,
    cpuMicros: (cpu.user + cpu.system) / calls,
  }
}

async function callFor(callers: number, ms: number, call: Call): Promise<number> {
  let calls = 0
  let isOver = false
  const cancel = after(ms, () => {
    isOver = true
  })
  const keepCalling = async (_: unknown, caller: number): Promise<void> => {
    for (let turn = 0; !isOver; turn++) {
      await call(caller, turn)
      calls++
    }
  }
  try {
    await Promise.all(Array.from({ length: callers }, keepCalling))
  } finally {
    cancel()
  }
  return calls
}
