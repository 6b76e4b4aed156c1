import { type FaultProxy, until } from '@holdfast/testkit'
import { RACE_CHANGES, type Race, type RaceNode, type Seen } from './race-node.ts'

export type By = 'the loading node' | 'the other node'

/** One of the named races of the protocol document (section 5.1b). */
export interface NamedRace extends Race {
  readonly title: string
  readonly by: By
}

/** Who takes part. */
export interface Nodes {
  readonly loading: RaceNode
  readonly other: RaceNode
  /** Keeps no L1: sees what the shared tier holds. */
  readonly witness: RaceNode
  /** Waits until an acknowledged change is seen everywhere, as the mode of L1 has it. */
  settle(nodes: Nodes): Promise<void>
  /** Which reads that begin after the change are answered while the old load still hangs. */
  unblocked(race: NamedRace): readonly By[]
}

/** What was seen on the loading node, on the other, and by the witness. */
export interface Result {
  /** By the caller whose load was overtaken: it began before the change. */
  readonly overtaken: Seen
  /** By reads that began while the old load still hung (T1'). */
  readonly during: readonly Seen[]
  readonly after: readonly Seen[]
  /** What the tiers hold in the end. */
  readonly kept: readonly Seen[]
}

export const BY: readonly By[] = ['the loading node', 'the other node']
const CHANGES = Object.keys(RACE_CHANGES).filter(isChange)

/** Every race of loads by `loads`, with ids of their own. */
export function racesOf(label: string, loads: readonly Race['load'][]): NamedRace[] {
  return CHANGES.flatMap((change) =>
    loads.flatMap((load) =>
      BY.map((by) => {
        const title = `${nameOf(change, by)}: ${change} by ${by} during ${load}`
        return { id: `${label}, ${title}`, title, load, change, by }
      }),
    ),
  )
}

/** The name that the protocol document gives a race. */
function nameOf(change: Race['change'], by: By): string {
  if (change === 'set') return by === 'the other node' ? 'T2b' : 'T1b'
  if (change === 'delete' || change === 'write of the key') return by === 'the other node' ? 'T2' : 'T1'
  return 'T3'
}

function isChange(name: string): name is Race['change'] {
  return name in RACE_CHANGES
}

/** All races at once; each result, by the race's title. */
export async function runAll(
  races: readonly NamedRace[],
  nodes: Nodes,
): Promise<ReadonlyMap<string, Result>> {
  const results = await Promise.all(races.map((race) => run(race, nodes)))
  return new Map(races.map((race, i) => [race.title, results[i] ?? neverRun(race)]))
}

/** Runs one race: the load begins, the change is made and acknowledged, the load ends. */
async function run(race: NamedRace, nodes: Nodes): Promise<Result> {
  const { loading, other, witness } = nodes
  const all = [loading, other, witness]
  for (const node of all) await node.prepare(race)
  if (race.load === 'swr' || race.load === 'refresh') {
    await loading.seed(race)
    await other.peek(race)
  }
  await loading.begin(race)
  await (race.by === 'the loading node' ? loading : other).change(race)
  await nodes.settle(nodes)
  const reads = { 'the loading node': loading.read(race), 'the other node': other.read(race) }
  await Promise.all(nodes.unblocked(race).map((by) => reads[by]))
  const overtaken = await loading.finish(race)
  await nodes.settle(nodes)
  const after = await Promise.all([loading.read(race), other.read(race)])
  const kept = await Promise.all(all.map((node) => node.peek(race)))
  return { overtaken, during: await Promise.all(BY.map((by) => reads[by])), after, kept }
}

function neverRun({ title }: NamedRace): never {
  throw new Error(`${title} was not run`)
}

/** The titles of those in which somebody saw the old row when it had changed. */
export function staleOnes(results: ReadonlyMap<string, Result>): string[] {
  const isStale = ({ during, after, kept }: Result): boolean => [...during, ...after, ...kept].includes('old')
  return [...results].filter(([, result]) => isStale(result)).map(([title]) => title)
}

/**
 * A change of the key voids the lease of the old load, and the node that made it joins no load from before. Else a
 * read waits for the old load to end, refuses its row, and loads anew; a bulk read waits for the key beside, too.
 */
export function unblocked({ change, load, by }: NamedRace): readonly By[] {
  const isOfKey = change === 'delete' || change === 'set' || change === 'write of the key'
  if (!isOfKey || load === 'getOrSetMany') return []
  return by === 'the loading node' ? BY : ['the other node']
}

/** T4: no load, but a reply with the old row that is on its way while the row changes. */
export function inFlight(label: string): NamedRace[] {
  return CHANGES.flatMap((change) =>
    // A write waits for replies, which are held.
    BY.filter((by) => by === 'the other node' || !change.startsWith('write')).map((by) => {
      const title = `T4: ${change} by ${by === 'the loading node' ? 'the reading node' : by} before the reply`
      return { id: `${label}, ${title}`, title, load: 'getOrSet', change, by }
    }),
  )
}

/**
 * Runs one of T4. The proxy, of the loading node, holds the reply and what the server says after it, which `told` waits
 * for; both are then delivered in one piece. Answers what is seen afterwards.
 */
export async function runInFlight(
  race: NamedRace,
  nodes: Nodes,
  proxy: FaultProxy,
  told: (race: NamedRace) => Promise<void>,
): Promise<readonly Seen[]> {
  const { loading, other, witness } = nodes
  for (const node of [loading, other, witness]) await node.prepare(race)
  await witness.seed(race)
  // What the seed changed has been told: what is told later is of the race.
  await loading.barrier()
  proxy.inject({ holdReplies: true })
  const reading = loading.peek(race)
  await heldBy(proxy, race.id)
  const changing = (race.by === 'the loading node' ? loading : other).change(race)
  if (race.by === 'the other node') await changing
  await told(race)
  proxy.heal()
  await Promise.all([reading, changing])
  // Its own change a node knows at once; the other has read nothing.
  if (race.by === 'the other node') await nodes.settle(nodes)
  return await Promise.all([loading, other, witness].map((node) => node.peek(race)))
}

/** Resolves when the server has said something that the proxy holds. */
export function heldBy(proxy: FaultProxy, text: string): Promise<void> {
  return until(`the server says ${text}`, () => proxy.holds(text))
}
