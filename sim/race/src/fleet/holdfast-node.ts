import { until } from '@holdfast/testkit'
import type { Cache, EntryOptions, Reservation } from 'holdfast'
import { createCacheWith, type Fence, fence } from 'holdfast/internal'
import { openL1 } from '../open-l1.ts'
import { openStore } from '../open-store.ts'
import type { Outside, State } from './outside.ts'
import {
  RACE_CHANGES,
  type Race,
  type RaceNode,
  type RaceNodeOptions,
  type Seen,
  UNTOLD_MS,
} from './race-node.ts'

interface Row {
  readonly id: string
  readonly state: State
  readonly tag: string
}

interface Running {
  readonly answer: Promise<Row | undefined>
  release(): void
}

/** A load must not give up on L2 because the machine is busy: then nothing would be raced for. */
const L2_TIMEOUT = '10s'
// Of modes that are told of changes: the cache's own.
const MAX_STALE_MS = 1000

/** A node that uses Holdfast. */
export class HoldfastNode implements RaceNode {
  readonly #cache: Cache
  readonly #outside: Outside
  readonly #running = new Map<string, Running>()

  /** `rules` other than the protocol's: for the proof that the races notice. */
  constructor({ place, mode }: RaceNodeOptions, outside: Outside, rules: Fence = fence) {
    const l2 = openStore(place)
    const l1 = openL1(mode, mode === 'none' ? UNTOLD_MS : MAX_STALE_MS, place)
    this.#cache = createCacheWith({ name: 'races', l1, l2, l2Timeout: L2_TIMEOUT }, rules)
    this.#outside = outside
  }

  async prepare(race: Race): Promise<void> {
    const cache = this.#of(race)
    await until('the shared tier is in use', () => cache.stats().l2.online)
  }

  async seed(race: Race): Promise<void> {
    const stale = race.load === 'swr'
    const options = { ...optionsOf(race), jitter: 0, ttl: stale ? 1 : 300_000, swr: '1m' } as const
    await this.#of(race).set<Row>(race.id, rowOf(race.id, 'old'), options)
    const found = (): Promise<string | undefined> =>
      this.#of(race)
        .getEntry(race.id, { swr: '1m' })
        .then((entry) => entry?.state)
    await until(
      'the seed is as old as it should be',
      async () => (await found()) === (stale ? 'stale' : 'fresh'),
    )
  }

  async begin(race: Race): Promise<void> {
    const began = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    const loader = async (id: string): Promise<Row> => {
      const row = rowOf(id, await this.#outside.read(id))
      began.resolve()
      await gate.promise
      return row
    }
    const answer = this.#begin(race, loader)
    // Told by `finish`; a load that fails before it began must not hang the race.
    answer.catch(began.reject)
    this.#running.set(race.id, { answer, release: gate.resolve })
    await began.promise
  }

  async finish(race: Race): Promise<Seen> {
    const running = this.#running.get(race.id)
    running?.release()
    const row = await running?.answer
    await until('no load is under way', () => this.#of(race).stats().flights === 0)
    return seenOf(row)
  }

  async change(race: Race): Promise<void> {
    const { id } = race
    const commit = (): Promise<void> => this.#outside.commitNew(id)
    const cache = this.#of(race)
    if (race.change === 'write of the key') return applied(await cache.write({ keys: [id] }, commit))
    if (race.change.startsWith('write')) return applied(await cache.write({ tags: [tagOf(id)] }, commit))
    await commit()
    if (race.change === 'delete') return applied(await cache.delete(id))
    if (race.change === 'set') return applied(await cache.set(id, rowOf(id, 'new'), optionsOf(race)))
    if (race.change === 'clear') return applied(await cache.clear())
    applied(await cache.invalidateTag(tagOf(id)))
  }

  async read(race: Race): Promise<Seen> {
    return seenOf(await this.#load(race, async (id) => rowOf(id, await this.#outside.read(id))))
  }

  async peek(race: Race): Promise<Seen> {
    return seenOf(await this.#of(race).get<Row>(race.id, { swr: '1m' }))
  }

  barrier(): Promise<void> {
    return this.#cache.barrier('10s')
  }

  async close(): Promise<void> {
    await this.#cache.close()
  }

  async #begin(race: Race, loader: (id: string) => Promise<Row>): Promise<Row | undefined> {
    if (race.load !== 'refresh') return await this.#load(race, loader)
    return await this.#of(race).refresh(race.id, () => loader(race.id), optionsOf(race))
  }

  async #load(race: Race, loader: (id: string) => Promise<Row>): Promise<Row | undefined> {
    const { id } = race
    const cache = this.#of(race)
    const options = optionsOf(race)
    if (race.load === 'getOrSetMany') {
      const loadAll = (ids: readonly string[]): Promise<Row[]> => Promise.all(ids.map(loader))
      const [row] = await cache.getOrSetMany([id, `${id}, beside`], loadAll, options)
      return row
    }
    if (race.load === 'reserve')
      return await fillReserved(await cache.reserve<Row>(id, options), () => loader(id))
    const swr = race.load === 'swr' ? '1m' : false
    return await cache.getOrSet(id, () => loader(id), { ...options, swr })
  }

  #of(race: Race): Cache {
    return this.#cache.namespace(race.id)
  }
}

async function fillReserved(
  reserved: Reservation<Row>,
  loader: () => Promise<Row>,
): Promise<Row | undefined> {
  return reserved.fill === undefined ? reserved.value : await reserved.fill(await loader())
}

function optionsOf({ id, change }: Race): EntryOptions<Row> {
  const tags = RACE_CHANGES[change]
  if (tags === 'derived') return { tags: (row) => [row.tag] }
  return tags === 'given' ? { tags: [tagOf(id)] } : {}
}

function rowOf(id: string, state: State): Row {
  return { id, state, tag: tagOf(id) }
}

function tagOf(id: string): string {
  return `tag of ${id}`
}

function seenOf(row: Row | undefined): Seen {
  return row?.state ?? 'absent'
}

function applied({ l2 }: { readonly l2: string }): void {
  if (l2 !== 'applied') throw new Error(`the change was ${l2}, not applied: the race proves nothing`)
}
