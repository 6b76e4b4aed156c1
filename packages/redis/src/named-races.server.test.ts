/**
 * The named races of the protocol document (section 5.1b) on a real Redis: a loader has read the old row and hangs
 * while the row changes; then nobody may see the old one. The loader waits for a gate, not for a time: the change
 * always falls into the load, on any machine.
 */
import { type FaultProxy, type RedisServer, startFaultProxy, startRedis } from '@holdfast/testkit'
import { type Fence, fence } from 'holdfast/internal'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NaiveNode } from './testing/naive-node.ts'
import {
  HoldfastNode,
  RACE_CHANGES,
  RACE_LOADS,
  type Race,
  type RaceNode,
  type RaceNodeOptions,
  type Seen,
} from './testing/race-node.ts'
import { RemoteNode } from './testing/remote-node.ts'
import { until } from './testing/until.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

type By = 'the loading node' | 'the other node'
type Mode = RaceNodeOptions['mode']

interface NamedRace extends Race {
  readonly title: string
  readonly by: By
}

interface Nodes {
  readonly loading: RaceNode
  readonly other: RaceNode
  /** Keeps no L1: sees what Redis holds. */
  readonly witness: RaceNode
  readonly mode: Mode
  /** Which reads that begin after the change are answered while the old load still hangs. */
  readonly unblocked: (race: NamedRace) => readonly By[]
}

/** What was seen on the loading node, on the other, and by the witness. */
interface Result {
  /** By the caller whose load was overtaken: it began before the change. */
  readonly overtaken: Seen
  /** By reads that began while the old load still hung (T1'). */
  readonly during: readonly Seen[]
  readonly after: readonly Seen[]
  /** What the tiers hold in the end. */
  readonly kept: readonly Seen[]
}

// All races of a mode take a second; one that hangs is a failure, told soon.
const HUNG_MS = 20_000
const CHANGES = Object.keys(RACE_CHANGES).filter((name) => name in RACE_CHANGES)
const BY: readonly By[] = ['the loading node', 'the other node']

/** The name that the protocol document gives a race. */
function nameOf(change: Race['change'], by: By): string {
  if (change === 'set') return by === 'the other node' ? 'T2b' : 'T1b'
  if (change === 'delete' || change === 'write of the key') return by === 'the other node' ? 'T2' : 'T1'
  return 'T3'
}

function isChange(name: string): name is Race['change'] {
  return name in RACE_CHANGES
}

/** Every race of loads by `loads`, with ids of their own. */
function racesOf(label: string, loads: readonly Race['load'][]): NamedRace[] {
  return CHANGES.filter(isChange).flatMap((change) =>
    loads.flatMap((load) =>
      BY.map((by) => {
        const title = `${nameOf(change, by)}: ${change} by ${by} during ${load}`
        return { id: `${label}, ${title}`, title, load, change, by }
      }),
    ),
  )
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
  await settle(nodes)
  const reads = { 'the loading node': loading.read(race), 'the other node': other.read(race) }
  await Promise.all(nodes.unblocked(race).map((by) => reads[by]))
  const overtaken = await loading.finish(race)
  await settle(nodes)
  const after = await Promise.all([loading.read(race), other.read(race)])
  const kept = await Promise.all(all.map((node) => node.peek(race)))
  return { overtaken, during: await Promise.all(BY.map((by) => reads[by])), after, kept }
}

/**
 * A change of the key voids the lease of the old load, and the node that made it joins no load from before. Else a
 * read waits for the old load to end, refuses its row, and loads anew; a bulk read waits for the key beside, too.
 */
function unblocked({ change, load, by }: NamedRace): readonly By[] {
  const isOfKey = change === 'delete' || change === 'set' || change === 'write of the key'
  if (!isOfKey || load === 'getOrSetMany') return []
  return by === 'the loading node' ? BY : ['the other node']
}

/** In `tracked` a change is seen everywhere once pushes have arrived; `strong`, and no L1, are exact by themselves. */
async function settle({ mode, loading, other }: Nodes): Promise<void> {
  if (mode === 'tracked') await Promise.all([loading.barrier(), other.barrier()])
}

/** All races at once; each result, by the race's title. */
async function runAll(races: readonly NamedRace[], nodes: Nodes): Promise<ReadonlyMap<string, Result>> {
  const results = await Promise.all(races.map((race) => run(race, nodes)))
  return new Map(races.map((race, i) => [race.title, results[i] ?? neverRun(race)]))
}

function neverRun({ title }: NamedRace): never {
  throw new Error(`${title} was not run`)
}

const PLACES = {
  'two instances in one process': (options: RaceNodeOptions) => new HoldfastNode(options),
  'two processes (F38)': (options: RaceNodeOptions) => new RemoteNode('holdfast', options),
} as const
const MODES = ['tracked', 'strong', 'off'] as const

describe.each(Object.entries(PLACES))('%s', (place, open) => {
  describe.each(MODES)('L1 %s', (mode) => {
    const races = racesOf(`${place}, ${mode}`, RACE_LOADS)
    let proxy: FaultProxy
    let nodes: Nodes
    let results: ReadonlyMap<string, Result>

    beforeAll(async () => {
      proxy = await startFaultProxy(server)
      const { url } = server
      nodes = {
        mode,
        loading: open({ url, cacheUrl: urlOf(proxy), mode }),
        other: open({ url, mode }),
        witness: new HoldfastNode({ url, mode: 'off' }),
        unblocked,
      }
      results = await runAll(races, nodes)
    }, HUNG_MS)
    afterAll(async () => {
      for (const node of [nodes.loading, nodes.other, nodes.witness]) await node.close()
      await proxy.close()
    })

    test.each(races)('$title: nobody sees the old row', ({ title }) => {
      const result = results.get(title)
      expect(result).toMatchObject({ during: ['new', 'new'], after: ['new', 'new'] })
      expect(result?.kept).not.toContain('old')
      // It was a race: whoever began before the change has got the old row.
      expect(result?.overtaken).toBe('old')
    })

    test.each(inFlight(`${place}, ${mode}`))('$title: no L1 keeps the old row', async (race) => {
      expect(await runInFlight(race, nodes, proxy)).not.toContain('old')
    })
  })
})

/** T4: no load, but a reply with the old row that is on its way while the row changes. */
function inFlight(label: string): NamedRace[] {
  return CHANGES.filter(isChange).flatMap((change) =>
    // A write waits for replies, which are held.
    BY.filter((by) => by === 'the other node' || !change.startsWith('write')).map((by) => {
      const title = `T4: ${change} by ${by === 'the loading node' ? 'the reading node' : by} before the reply`
      return { id: `${label}, ${title}`, title, load: 'getOrSet', change, by }
    }),
  )
}

/** The proxy holds the reply and what the server says after it; both are then delivered in one piece. */
async function runInFlight(race: NamedRace, nodes: Nodes, proxy: FaultProxy): Promise<readonly Seen[]> {
  const { loading, other, witness, mode } = nodes
  const heard = (text: string): Promise<void> => until(`the server says ${text}`, () => proxy.holds(text))
  for (const node of [loading, other, witness]) await node.prepare(race)
  await witness.seed(race)
  // What the seed changed has been pushed: later pushes are those of the race.
  await loading.barrier()
  proxy.inject({ holdReplies: true })
  const reading = loading.peek(race)
  await heard(race.id)
  const changing = (race.by === 'the loading node' ? loading : other).change(race)
  if (race.by === 'the other node') await changing
  const isOfTag = RACE_CHANGES[race.change] !== 'untagged'
  // A tag that the reply is the first to name is not tracked yet: nothing is pushed, and the reader will ask for it.
  if (isOfTag && race.by === 'the loading node') await heard('\r\n:')
  if (!isOfTag && mode !== 'off') await heard('invalidate\r\n')
  proxy.heal()
  await Promise.all([reading, changing])
  await settle(nodes)
  return await Promise.all([loading, other, witness].map((node) => node.peek(race)))
}

function urlOf({ port }: FaultProxy): string {
  return `redis://127.0.0.1:${port}`
}

describe('the races notice', () => {
  /** Runs races in this process under other rules; those in which somebody saw the old row afterwards. */
  async function caught(
    open: () => RaceNode,
    unblocked: Nodes['unblocked'],
    races: readonly NamedRace[],
  ): Promise<string[]> {
    const nodes = { mode: 'tracked', loading: open(), other: open(), witness: open(), unblocked } as const
    const results = await runAll(races, nodes)
    for (const node of [nodes.loading, nodes.other, nodes.witness]) await node.close()
    const isStale = ({ during, after, kept }: Result): boolean =>
      [...during, ...after, ...kept].includes('old')
    return [...results].filter(([, result]) => isStale(result)).map(([title]) => title)
  }

  const races = racesOf('control', ['getOrSet'])

  test('caching by hand (GET, SETEX, DEL, tag sets) leaves the old row in T1, T2, T2b and T3', async () => {
    const stale = await caught(
      () => new NaiveNode(server),
      () => BY,
      races,
    )
    expect(stale).toEqual(races.map(({ title }) => title))
  })

  test('so does it in two processes', async () => {
    const { url } = server
    const inProcesses = races.map((race) => ({ ...race, id: `${race.id}, in processes` }))
    const stale = await caught(
      () => new RemoteNode('naive', { url, mode: 'off' }),
      () => BY,
      inProcesses,
    )
    expect(stale).toEqual(races.map(({ title }) => title))
  })

  test("tags of the row without rule T' bring it back", async () => {
    const rules: Fence = { ...fence, epochHeld: () => true }
    const derived = racesOf("without T'", ['getOrSet']).filter(({ change }) => change.endsWith('of the row'))
    const stale = await caught(
      () => new HoldfastNode({ url: server.url, mode: 'tracked' }, rules),
      unblocked,
      derived,
    )
    expect(stale).toEqual(derived.map(({ title }) => title))
  })

  test("without rule J a read joins the load that was overtaken before it began (T1')", async () => {
    const rules: Fence = { ...fence, mayJoin: () => true, mayShare: () => true }
    const ofTags = racesOf('without J', ['getOrSet']).filter(({ change }) => change === 'invalidateTag')
    const stale = await caught(
      () => new HoldfastNode({ url: server.url, mode: 'tracked' }, rules),
      unblocked,
      ofTags,
    )
    expect(stale).toEqual(ofTags.map(({ title }) => title))
  })

  test('a row whose fill is in flight while it changes is kept without rule P', async () => {
    await using proxy = await startFaultProxy(server)
    const { url } = server
    const cacheUrl = urlOf(proxy)
    const seen: Seen[] = []
    for (const rules of [fence, { ...fence, mayAdmit: () => true }]) {
      const race = { id: `P ${seen.length}`, load: 'getOrSet', change: 'delete' } as const
      const loading = new HoldfastNode({ url, cacheUrl, mode: 'tracked' }, rules)
      const other = new HoldfastNode({ url, mode: 'tracked' })
      for (const node of [loading, other]) await node.prepare(race)
      await loading.begin(race)
      proxy.inject({ holdReplies: true })
      const finished = loading.finish(race)
      // The echo of the fill.
      await until('the fill is done', () => proxy.holds('invalidate\r\n'))
      await other.change(race)
      // The answer to a barrier comes behind the push of the change.
      const barrier = loading.barrier()
      await until('the change is pushed', () => proxy.holds('*2\r\n$10\r\n'))
      proxy.heal()
      await Promise.all([finished, barrier])
      seen.push(await loading.peek(race))
      for (const node of [loading, other]) await node.close()
    }
    expect(seen).toEqual(['absent', 'old'])
  })
})
