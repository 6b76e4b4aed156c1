import { pause } from '@holdfast/testkit'

const TICK_MS = 5

/**
 * How long this thread was held by work between two turns in which its timers could fire, in milliseconds of its own
 * processor time: what other processes take of the machine meanwhile is not our doing. Runs until `isOver`.
 */
export async function loopHolds(isOver: () => boolean): Promise<number[]> {
  const holds: number[] = []
  let before = process.threadCpuUsage()
  while (!isOver()) {
    await pause(TICK_MS)
    const { user, system } = process.threadCpuUsage(before)
    before = process.threadCpuUsage()
    holds.push((user + system) / 1000)
  }
  return holds
}
