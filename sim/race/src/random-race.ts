import { hostNow } from '@holdfast/testkit'
import { pause } from './clock.ts'
import { Database } from './database.ts'
import { Dice } from './dice.ts'
import type { MutationName } from './mutations.ts'
import { type NodeSetup, RaceNode, type RacingNode } from './race-node.ts'
import type { SharedTier } from './shared-tier.ts'
import { ThreadNode } from './thread-node.ts'
import { judge, type Verdict } from './verdict.ts'
import type { Workload } from './workload.ts'

/** One run of a scenario. */
export interface Run {
  readonly tier: SharedTier
  /** The caches' name: no two runs share one. */
  readonly namespace: string
  readonly seed: number
  /** The rule that is off; undefined: all hold. */
  readonly mutation: MutationName | undefined
  /** How long readers and writers go on. */
  readonly forMs: number
}

// Background refreshes and late pushes end within this.
const REST_MS = 50

/** The random race: readers and writers on every node, then rest, a sweep of all tiers, and the verdict. */
export async function randomRace(workload: Workload, run: Run): Promise<Verdict> {
  const { tier, namespace, seed, mutation } = run
  const memory = Database.memoryOf(workload.keys)
  const place = await tier.placeFor(workload)
  const setup: NodeSetup = { name: 'observer', namespace, place, seed, memory, workload, mutation }
  const cutOff = workload.breaking === 'partitions' ? await tier.placeOfCutOff?.(workload) : undefined
  const nodes: RacingNode[] = Array.from({ length: workload.nodes }, (_, i) =>
    openNode({ ...setup, name: `node-${i + 1}`, place: i === 0 ? (cutOff ?? place) : place }),
  )
  // It reads nothing during the race, and has no L1: its sweep tells what L2 holds.
  const observer = new RaceNode({ ...setup, workload: { ...workload, l1: 'off', readers: 0 } })
  const all = [observer, ...nodes]
  try {
    await Promise.all(all.map((node) => node.start()))
    await disturb(workload, run, nodes)
    await Promise.all(all.map((node) => node.rest()))
    await Promise.all(all.map((node) => node.settle()))
    const settledMs = hostNow()
    await pause(restMsOf(workload))
    for (const node of all) await node.peek()
    return judge(workload, await Promise.all(all.map((node) => node.sweep())), settledMs)
  } finally {
    await Promise.all(all.map((node) => node.close()))
  }
}

/** L1 'none' is told of nothing: what it holds has ended when Δ has passed. */
function restMsOf({ l1, maxStaleMs }: Workload): number {
  return l1 === 'none' ? REST_MS + maxStaleMs : REST_MS
}

function openNode(setup: NodeSetup): RacingNode {
  return setup.workload.threads ? new ThreadNode(setup) : new RaceNode(setup)
}

/** Writers, and what befalls the servers, until time is over. */
async function disturb(workload: Workload, run: Run, nodes: readonly RacingNode[]): Promise<void> {
  const untilMs = hostNow() + Math.max(run.forMs, workload.runMsMin)
  const writers = Array.from({ length: workload.writers }, async (_, i) => {
    const dice = new Dice(run.seed, `writer ${i}`)
    while (hostNow() < untilMs) {
      const node = nodes[dice.upTo(nodes.length - 1)]
      await Promise.all([node?.write(), pause(dice.upTo(workload.writeMsMax * workload.writers))])
    }
  })
  const fate = run.tier.befall(workload, new Dice(run.seed, 'fate'), untilMs)
  await Promise.all([...writers, fate])
}
