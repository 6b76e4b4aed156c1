import type { HistoryRecorder, ReadSource } from '@holdfast/testkit'
import type { Cache, EntryOptions } from 'holdfast'
import type { Database, Row } from './database.ts'
import type { Dice } from './dice.ts'
import { LoadFailed, type Loads } from './loads.ts'
import { watchReads } from './watch-reads.ts'
import type { Workload } from './workload.ts'

const EVERY_READ = [
  ['getOrSet', 60],
  ['getOrSetMany', 15],
  ['getEntry', 10],
  ['getMany', 5],
  ['reserve', 5],
  ['refresh', 3],
  ['strong', 2],
] as const

// Keys of one bulk read.
const MANY = 3

// The first errors tell enough.
const ERRORS_MAX = 10

/** What a read came to. */
interface Answer {
  readonly row?: Row | undefined
  readonly source?: ReadSource | undefined
  readonly result?: 'error' | 'unfinished'
}

type Answers = readonly (readonly [key: number, row: Row | undefined])[]

/** The reads of one node, each recorded. */
export class Reads {
  /** Errors that no read may end with. Bounded by `ERRORS_MAX`. */
  readonly errors: string[] = []
  // Bounded by the readers.
  readonly #open = new Set<{ readonly keys: readonly number[]; readonly startMs: number }>()
  readonly #cache: Cache
  readonly #database: Database
  readonly #loads: Loads
  readonly #recorder: HistoryRecorder
  readonly #workload: Workload
  readonly #dice: Dice

  constructor(
    cache: Cache,
    parts: { database: Database; loads: Loads; recorder: HistoryRecorder; workload: Workload; dice: Dice },
  ) {
    this.#cache = cache
    this.#database = parts.database
    this.#loads = parts.loads
    this.#recorder = parts.recorder
    this.#workload = parts.workload
    this.#dice = parts.dice
  }

  /** One read of a kind and of keys that chance chooses. */
  async any(): Promise<void> {
    const kind = this.#workload.calls === 'core' ? 'getOrSet' : this.#dice.weighted(EVERY_READ)
    const key = this.#dice.upTo(this.#workload.keys - 1)
    if (kind === 'getOrSetMany' || kind === 'getMany') await this.#several(kind, key)
    else if (kind === 'getEntry') await this.entry(key)
    else await this.#one(kind, key)
  }

  /** One fresh read, as any caller makes it. */
  async fresh(key: number): Promise<void> {
    await this.#one('getOrSet', key)
  }

  /** What the tiers hold, without loading. */
  async entry(key: number): Promise<void> {
    const name = this.#database.name(key)
    await this.#watched([key], async () => {
      const found = await this.#cache.getEntry<Row>(name)
      return [[key, found?.value]]
    })
  }

  async #one(kind: 'getOrSet' | 'strong' | 'refresh' | 'reserve', key: number): Promise<void> {
    const name = this.#database.name(key)
    const options = this.#options(key)
    const load = () => this.#loads.one(key)
    const read = async (): Promise<Row | undefined> => {
      if (kind === 'reserve') return await this.#reserve(key, options)
      if (kind === 'refresh') return await this.#cache.refresh(name, load, options)
      if (kind === 'getOrSet') return await this.#cache.getOrSet(name, load, options)
      return await this.#cache.getOrSet(name, load, { ...options, consistency: 'strong' })
    }
    await this.#watched([key], async () => [[key, await read()]], kind === 'strong')
  }

  async #reserve(key: number, options: EntryOptions<Row>): Promise<Row | undefined> {
    const reservation = await this.#cache.reserve<Row>(this.#database.name(key), options)
    if (reservation.fill === undefined) return reservation.value
    const loaded = await this.#loads.one(key).catch(() => undefined)
    if (loaded !== undefined) return await reservation.fill(loaded)
    await reservation.release()
    return undefined
  }

  async #several(kind: 'getOrSetMany' | 'getMany', first: number): Promise<void> {
    const keys = Array.from({ length: MANY }, (_, i) => (first + i) % this.#workload.keys)
    const names = keys.map((key) => this.#database.name(key))
    await this.#watched(keys, async () => {
      const numbers = new Map(keys.map((key) => [this.#database.name(key), key]))
      const load = async (asked: readonly string[]) =>
        await this.#loads.many(asked.map((name) => numbers.get(name) ?? -1))
      const rows =
        kind === 'getMany'
          ? await this.#cache.getMany<Row>(names)
          : await this.#cache.getOrSetMany(names, load, { tags: (row) => row.tags })
      return keys.map((key, i) => [key, rows[i]])
    })
  }

  #options(key: number): EntryOptions<Row> {
    switch (this.#workload.tags) {
      case 'none':
        return {}
      case 'given':
        return { tags: this.#database.tags(key, 0) }
      case 'derived':
        return { tags: (row) => row.tags }
    }
  }

  /** `isExact`: Δ is not granted to it, whatever the mode of L1. */
  async #watched(keys: readonly number[], work: () => Promise<Answers>, isExact = false): Promise<void> {
    const startMs = this.#recorder.now()
    const open = { keys, startMs }
    this.#open.add(open)
    try {
      const { value: answers, sources } = await watchReads(work)
      for (const [key, row] of answers) {
        const source = sources.get(this.#database.name(key))
        this.#add(key, startMs, { row, source: isExact && source === 'l1' ? undefined : source })
      }
    } catch (error) {
      if (!(error instanceof LoadFailed) && this.errors.length < ERRORS_MAX) this.errors.push(String(error))
      for (const key of keys) this.#add(key, startMs, { result: 'error' })
    } finally {
      this.#open.delete(open)
    }
  }

  /** Records the reads that have no answer as unfinished. */
  giveUp(): void {
    for (const { keys, startMs } of this.#open) {
      for (const key of keys) this.#add(key, startMs, { result: 'unfinished' })
    }
  }

  #add(key: number, startMs: number, read: Answer): void {
    const { row, source, result } = read
    this.#recorder.add({
      kind: 'read',
      key: this.#database.name(key),
      startMs,
      endMs: this.#recorder.now(),
      ...(row === undefined ? {} : { version: row.version, valueKey: row.key, tags: row.tags }),
      ...(source === undefined ? {} : { source }),
      ...(result === undefined ? {} : { result }),
    })
  }
}
