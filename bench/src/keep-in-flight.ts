import { after, nowMs } from './clock.ts'
import type { Effort, Numbers } from './row.ts'

/** Makes one call. */
export type Call<Answer> = (caller: number, turn: number) => Promise<Answer>
/** Throws where an answer is wrong. */
export type Check<Answer> = (answer: Answer, caller: number, turn: number) => void

/**
 * Keeps a number of calls in flight for `warmUpMs`, then again for `measureMs`: calls a second, and microseconds of
 * processor time (all threads, kernel included) that each cost. An answer is checked where it is awaited: a call that
 * did so itself would be one more promise, which is part of what is measured.
 */
export async function keepInFlight<Answer>(
  callers: number,
  effort: Effort,
  call: Call<Answer>,
  check: Check<Answer> = () => {},
): Promise<Numbers> {
  await callFor(callers, effort.warmUpMs, call, check)
  const startedAt = nowMs()
  const cpuBefore = process.cpuUsage()
  const calls = await callFor(callers, effort.measureMs, call, check)
  const cpu = process.cpuUsage(cpuBefore)
  return {
    opsPerSecond: (calls / (nowMs() - startedAt)) * 1000,
    cpuMicros: (cpu.user + cpu.system) / calls,
  }
}

async function callFor<Answer>(
  callers: number,
  ms: number,
  call: Call<Answer>,
  check: Check<Answer>,
): Promise<number> {
  let calls = 0
  let isOver = false
  const cancel = after(ms, () => {
    isOver = true
  })
  const keepCalling = async (_: unknown, caller: number): Promise<void> => {
    for (let turn = 0; !isOver; turn++) {
      check(await call(caller, turn), caller, turn)
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
