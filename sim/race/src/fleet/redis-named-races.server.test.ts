/**
 * The named races of the protocol document (section 5.1b) on a real Redis: a loader has read the old row and hangs
 * while the row changes; then nobody may see the old one. The loader waits for a gate, not for a time: the change
 * always falls into the load, on any machine.
 */
import { type FaultProxy, type RedisServer, startFaultProxy, startRedis, until } from '@holdfast/testkit'
import { type Fence, fence } from 'holdfast/internal'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TierPlace } from '../shared-tier.ts'
import { HoldfastNode } from './holdfast-node.ts'
import { NaiveNode } from './naive-node.ts'
import {
  BY,
  heldBy,
  inFlight,
  type NamedRace,
  type Nodes,
  type Result,
  racesOf,
  runAll,
  runInFlight,
  staleOnes,
  unblocked,
} from './named-races.ts'
import { World } from './outside.ts'
import { RACE_CHANGES, RACE_LOADS, type RaceNode, type RaceNodeOptions, type Seen } from './race-node.ts'
import { RemoteNode } from './remote-node.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

// Its rows are those of all races: their ids differ.
const world = new World((args) => server.cli(...args))

// All races of a mode take a second; one that hangs is a failure, told soon.
const HUNG_MS = 20_000

const PLACES = {
  'two instances in one process': (options: RaceNodeOptions) => new HoldfastNode(options, world),
  'two processes (F38)': (options: RaceNodeOptions) => new RemoteNode('holdfast', options, world),
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
      nodes = {
        loading: open({ place: placeOf(proxy), mode }),
        other: open({ place: placeOf(server), mode }),
        witness: new HoldfastNode({ place: placeOf(server), mode: 'off' }, world),
        settle: mode === 'tracked' ? pushesArrive : exactByItself,
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
      expect(await runInFlight(race, nodes, proxy, (of) => pushed(of, proxy, mode))).not.toContain('old')
    })
  })
})

/** In `tracked` a change is seen everywhere once pushes have arrived; `strong`, and no L1, are exact by themselves. */
async function pushesArrive({ loading, other }: Nodes): Promise<void> {
  await Promise.all([loading.barrier(), other.barrier()])
}

async function exactByItself(): Promise<void> {}

/** What the server says behind a reply that is in flight. */
async function pushed(race: NamedRace, proxy: FaultProxy, mode: (typeof MODES)[number]): Promise<void> {
  const isOfTag = RACE_CHANGES[race.change] !== 'untagged'
  // A tag that the reply is the first to name is not tracked yet: nothing is pushed, and the reader will ask for it.
  if (isOfTag && race.by === 'the loading node') await heldBy(proxy, '\r\n:')
  if (!isOfTag && mode !== 'off') await heldBy(proxy, 'invalidate\r\n')
}

function placeOf({ port }: { readonly port: number }): TierPlace {
  return { store: 'redis', url: `redis://127.0.0.1:${port}` }
}

describe('the races notice', () => {
  /** Runs races in this process under other rules; those in which somebody saw the old row afterwards. */
  async function caught(
    open: () => RaceNode,
    unblocked: Nodes['unblocked'],
    races: readonly NamedRace[],
  ): Promise<string[]> {
    const three = { loading: open(), other: open(), witness: open() }
    const results = await runAll(races, { ...three, settle: pushesArrive, unblocked })
    for (const node of Object.values(three)) await node.close()
    return staleOnes(results)
  }

  const races = racesOf('control', ['getOrSet'])

  test('caching by hand (GET, SETEX, DEL, tag sets) leaves the old row in T1, T2, T2b and T3', async () => {
    const stale = await caught(
      () => new NaiveNode(world),
      () => BY,
      races,
    )
    expect(stale).toEqual(races.map(({ title }) => title))
  })

  test('so does it in two processes', async () => {
    const inProcesses = races.map((race) => ({ ...race, id: `${race.id}, in processes` }))
    const stale = await caught(
      () => new RemoteNode('naive', { place: placeOf(server), mode: 'off' }, world),
      () => BY,
      inProcesses,
    )
    expect(stale).toEqual(races.map(({ title }) => title))
  })

  test("tags of the row without rule T' bring it back", async () => {
    const rules: Fence = { ...fence, epochHeld: () => true }
    const derived = racesOf("without T'", ['getOrSet']).filter(({ change }) => change.endsWith('of the row'))
    const stale = await caught(
      () => new HoldfastNode({ place: placeOf(server), mode: 'tracked' }, world, rules),
      unblocked,
      derived,
    )
    expect(stale).toEqual(derived.map(({ title }) => title))
  })

  test("without rule J a read joins the load that was overtaken before it began (T1')", async () => {
    const rules: Fence = { ...fence, mayJoin: () => true, mayShare: () => true }
    const ofTags = racesOf('without J', ['getOrSet']).filter(({ change }) => change === 'invalidateTag')
    const stale = await caught(
      () => new HoldfastNode({ place: placeOf(server), mode: 'tracked' }, world, rules),
      unblocked,
      ofTags,
    )
    expect(stale).toEqual(ofTags.map(({ title }) => title))
  })

  test('a row whose fill is in flight while it changes is kept without rule P', async () => {
    await using proxy = await startFaultProxy(server)
    const seen: Seen[] = []
    for (const rules of [fence, { ...fence, mayAdmit: () => true }]) {
      const race = { id: `P ${seen.length}`, load: 'getOrSet', change: 'delete' } as const
      const loading = new HoldfastNode({ place: placeOf(proxy), mode: 'tracked' }, world, rules)
      const other = new HoldfastNode({ place: placeOf(server), mode: 'tracked' }, world)
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
