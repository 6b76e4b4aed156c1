import {
  checkHistory,
  type HistoryEvent,
  type HistoryRecorder,
  type HistoryReport,
  hostNow,
  pause,
  type ReadEvent,
  recordHistory,
  until,
} from '@holdfast/testkit'
import { systemClock } from 'holdfast/contracts'
import { elastiCache } from '../elasticache.ts'
import type { PoolRules } from '../pool-rules.ts'
import { type ConfigEndpoint, startConfigEndpoint } from './config-endpoint.ts'
import { Fleet, type FleetNode, type NodeOptions } from './fleet.ts'

/** What befalls a fleet while it is used. */
export interface ChaosOptions {
  readonly forMs: number
  /** Uniform in [0, 1): what happens, and when. */
  readonly random: () => number
  readonly rules?: Partial<PoolRules>
  /** Ways are cut and silenced, servers are killed and started again. */
  readonly faults: boolean
  readonly gutter: boolean
  /** The third server comes and goes, and each process hears of it at a moment of its own. */
  readonly listChanges: boolean
}

interface Row {
  readonly key: string
  readonly version: number
}

const NODES = 3
const READERS_PER_NODE = 6
const KEYS = Array.from({ length: 12 }, (_, i) => `k${i}`)
const TAGS = 4
// Half of it before the row is read, half after: loads overlap the writes.
const LOAD_MS_MAX = 20

/**
 * Processes on three real servers read, load, commit and invalidate at random, while a nemesis breaks what it can. What
 * they saw is held against G1, and when all is whole again every key against the database.
 */
export async function chaos(options: ChaosOptions): Promise<HistoryReport> {
  await using fleet = await Fleet.start(3, options.gutter ? 1 : 0)
  await using endpoint = await startConfigEndpoint()
  endpoint.tell(1, fleet.servers.slice(0, 2))
  const nodes: FleetNode[] = []
  for (let i = 0; i < NODES; i++) nodes.push(await fleet.node(nodeOptions(options, endpoint, i)))
  const run = new Run(options.random)
  const work = nodes.map((node, i) => run.use(node, `node ${i}`))
  const nemesis = harm(fleet, nodes, endpoint, options, run)
  await pause(options.forMs)
  run.isOver = true
  await Promise.all([...work, nemesis])
  for (const { ways } of nodes) for (const way of ways) way.heal()
  for (const { cache } of nodes) {
    await until('nobody is owed anything', () => {
      const { online, queuedInvalidations } = cache.stats().l2
      return online && queuedInvalidations === 0
    })
  }
  return checkHistory(run.events, { sweep: await run.sweep(nodes) })
}

function nodeOptions(
  { rules = {}, listChanges }: ChaosOptions,
  { port }: ConfigEndpoint,
  i: number,
): NodeOptions {
  const cache = { l2Timeout: '150ms' } as const
  if (!listChanges) return { rules, cache }
  const polled = { clock: systemClock, pollMs: 30 + i * 150 }
  return { rules, cache, source: elastiCache({ transport: 'tcp', host: '127.0.0.1', port }, polled) }
}

/** The database, those who use it, and what they saw. */
class Run {
  readonly events: HistoryEvent[] = []
  isOver = false
  readonly #random: () => number
  readonly #versions = new Map(KEYS.map((key) => [key, 0]))

  constructor(random: () => number) {
    this.#random = random
  }

  /** Reads and writes by one process until the run is over. */
  async use(node: FleetNode, process: string): Promise<void> {
    const recorder = recordHistory({ process })
    const again = async (act: () => Promise<void>, pauseMsMax: number) => {
      while (!this.isOver) {
        await act()
        await pause(this.#random() * pauseMsMax)
      }
    }
    const readers = Array.from({ length: READERS_PER_NODE }, () => again(() => this.#read(node, recorder), 3))
    await Promise.all([...readers, again(() => this.#write(node, recorder), 14)])
    this.events.push(...recorder.events)
  }

  /** What every process finds of every key. */
  async sweep(nodes: readonly FleetNode[]): Promise<ReadEvent[]> {
    const found: ReadEvent[] = []
    for (const [i, { cache }] of nodes.entries()) {
      for (const key of KEYS) {
        const startMs = hostNow()
        const row = await cache.get<Row>(key)
        const value = row === undefined ? {} : { version: row.version, valueKey: row.key }
        found.push({
          kind: 'read',
          process: `node ${i}`,
          key,
          tags: [tagOf(key)],
          startMs,
          endMs: hostNow(),
          ...value,
        })
      }
    }
    return found
  }

  async #read({ cache }: FleetNode, recorder: HistoryRecorder): Promise<void> {
    const key = this.#anyKey()
    const load = async (): Promise<Row> => {
      await pause((this.#random() * LOAD_MS_MAX) / 2)
      const version = this.#versions.get(key) ?? 0
      await pause((this.#random() * LOAD_MS_MAX) / 2)
      return { key, version }
    }
    const startMs = hostNow()
    const row = await cache.getOrSet(key, load, { tags: [tagOf(key)] })
    const { version, key: valueKey } = row
    recorder.add({ kind: 'read', key, tags: [tagOf(key)], startMs, endMs: hostNow(), version, valueKey })
  }

  async #write({ cache }: FleetNode, recorder: HistoryRecorder): Promise<void> {
    const key = this.#anyKey()
    const tag = tagOf(key)
    const version = (this.#versions.get(key) ?? 0) + 1
    const startMs = hostNow()
    this.#versions.set(key, version)
    const committedMs = hostNow()
    recorder.add({ kind: 'commit', key, tags: [tag], startMs, endMs: committedMs, version })
    const byTag = this.#random() < 0.4
    const { l2: result } = await (byTag ? cache.invalidateTag(tag) : cache.delete(key))
    const what = byTag ? { tags: [tag] } : { keys: [key] }
    recorder.add({ kind: 'invalidate', ...what, startMs: committedMs, endMs: hostNow(), result })
  }

  #anyKey(): string {
    return anyOf(KEYS, this.#random) ?? ''
  }
}

async function harm(
  fleet: Fleet,
  nodes: readonly FleetNode[],
  endpoint: ConfigEndpoint,
  { random, faults, listChanges }: ChaosOptions,
  run: Run,
): Promise<void> {
  let version = 1
  while (!run.isOver) {
    await pause(20 + random() * 80)
    if (listChanges && random() < (faults ? 0.3 : 1)) {
      version++
      endpoint.tell(version, fleet.servers.slice(0, version % 2 === 0 ? 3 : 2))
    } else if (faults) await breakSomething(fleet, nodes, random)
  }
}

async function breakSomething(
  fleet: Fleet,
  nodes: readonly FleetNode[],
  random: () => number,
): Promise<void> {
  const way = anyOf(anyOf(nodes, random)?.ways.slice(0, 3) ?? [], random)
  const dice = random()
  if (dice < 0.1) {
    const server = anyOf(fleet.servers, random)
    await server?.kill()
    await pause(random() * 60)
    await server?.restart()
    return
  }
  way?.inject(dice < 0.25 ? { blackhole: true } : { refuse: true })
  if (dice >= 0.25) way?.cut()
  await pause(random() * 200)
  way?.heal()
}

function anyOf<T>(from: readonly T[], random: () => number): T | undefined {
  return from[Math.floor(random() * from.length)]
}

function tagOf(key: string): string {
  return `t${KEYS.indexOf(key) % TAGS}`
}
