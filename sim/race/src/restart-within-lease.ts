import { pause } from './clock.ts'
import type { Run } from './random-race.ts'
import { TwoNodes } from './two-nodes.ts'
import type { Verdict } from './verdict.ts'

/**
 * The server restarts while the first node loads; then the other node deletes the key and begins to load it. Whatever the
 * server numbers it numbers from the beginning: the second lease may have the number of the first. The first load's fill
 * must be refused all the same (rule C).
 */
export async function restartWithinLease(run: Run): Promise<Verdict> {
  await using nodes = await TwoNodes.open(run, { l1: 'off', breaking: 'restarts' })
  const { first, second } = nodes
  // The end of a connection is told long before the server answers again.
  const restarted = async (): Promise<void> => {
    await run.tier.restart()
    await nodes.connected()
  }
  return await nodes.play(async (key) => {
    // Both leases are to be the first thing that happens on a server that was just started.
    await restarted()
    const ends = [first, second].map(({ loads }) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      loads.gate = () => promise
      return resolve
    })
    const reads = [first.reads.fresh(key)]
    while (!first.loads.isRunning(key)) await pause(0)
    await restarted()
    await second.writes.key(key)
    reads.push(second.reads.fresh(key))
    while (!second.loads.isRunning(key)) await pause(0)
    for (const [i, end] of ends.entries()) {
      end()
      await reads[i]
    }
  })
}
