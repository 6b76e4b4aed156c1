/**
 * The named races of the protocol document (section 5.1b) on a real Memcached: a loader has read the old row and hangs
 * while the row changes; then nobody may see the old one. The loader waits for a gate, not for a time: the change
 * always falls into the load, on any machine.
 */
import {
  type FaultProxy,
  type MemcachedServer,
  type RedisServer,
  startFaultProxy,
  startMemcached,
  startRedis,
} from '@holdfast/testkit'
import { type Fence, fence } from 'holdfast/internal'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pause } from '../clock.ts'
import type { TierPlace } from '../shared-tier.ts'
import { HoldfastNode } from './holdfast-node.ts'
import {
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
import { RACE_LOADS, type RaceNodeOptions, UNTOLD_MS } from './race-node.ts'
import { RemoteNode } from './remote-node.ts'

let server: MemcachedServer
let bus: RedisServer
beforeAll(async () => {
  server = await startMemcached()
  bus = await startRedis()
})
afterAll(async () => {
  await server.stop()
  await bus.stop()
})

// Its rows are those of all races: their ids differ.
const world = new World()

// All races of a mode take two seconds; one that hangs is a failure, told soon.
const HUNG_MS = 20_000

const PLACES = {
  'two instances in one process': (options: RaceNodeOptions) => new HoldfastNode(options, world),
  'two processes': (options: RaceNodeOptions) => new RemoteNode('holdfast', options, world),
} as const
const SETTLES = { bus: wordIsHeard, none: untoldIsOver, off: exactByItself } as const
const MODES = ['bus', 'none', 'off'] as const

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
        settle: SETTLES[mode],
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
      expect(await runInFlight(race, nodes, proxy, (of) => acknowledged(of, proxy))).not.toContain('old')
    })
  })
})

/** L1 'none' is told of nothing: what it holds has ended when Δ has passed. */
async function untoldIsOver(): Promise<void> {
  await pause(UNTOLD_MS)
}

/** Word has been heard when an own beat has come back behind it. */
async function wordIsHeard({ loading, other }: Nodes): Promise<void> {
  await Promise.all([loading.barrier(), other.barrier()])
}

async function exactByItself(): Promise<void> {}

/** Nothing is pushed: behind a reply in flight comes, of the reading node's own change, the acknowledgement. */
async function acknowledged({ by }: NamedRace, proxy: FaultProxy): Promise<void> {
  if (by === 'the loading node') await heldBy(proxy, 'HD')
}

/** Where a node finds the server: by a way of its own, maybe, but always under the same name. */
function placeOf({ port }: { readonly port: number }): TierPlace {
  return {
    store: 'memcached',
    urls: [server.url],
    gutter: [],
    detours: { [server.port]: port },
    busUrl: bus.url,
  }
}

describe('the races notice', () => {
  /** Runs races in this process under other rules; those in which somebody saw the old row afterwards. */
  async function caught(races: readonly NamedRace[], rules: Fence): Promise<string[]> {
    const open = (): HoldfastNode => new HoldfastNode({ place: placeOf(server), mode: 'none' }, world, rules)
    const three = { loading: open(), other: open(), witness: open() }
    const results = await runAll(races, { ...three, settle: untoldIsOver, unblocked })
    for (const node of Object.values(three)) await node.close()
    return staleOnes(results)
  }

  test("tags of the row without rule T' bring it back", async () => {
    const derived = racesOf("without T'", ['getOrSet']).filter(({ change }) => change.endsWith('of the row'))
    const stale = await caught(derived, { ...fence, epochHeld: () => true })
    expect(stale).toEqual(derived.map(({ title }) => title))
  })

  test("without rule J a read joins the load that was overtaken before it began (T1')", async () => {
    const ofTags = racesOf('without J', ['getOrSet']).filter(({ change }) => change === 'invalidateTag')
    const stale = await caught(ofTags, { ...fence, mayJoin: () => true, mayShare: () => true })
    expect(stale).toEqual(ofTags.map(({ title }) => title))
  })
})
