import { watchReads } from '@holdfast/race/watch-reads'
import type { ReadSource } from '@holdfast/testkit'
import { type Cache, CacheError, type Invalidated } from 'holdfast'
import { type DatabaseClient, DatabaseFailed } from './database-client.ts'
import { CALM_READ_MS_MAX, INVALIDATE_MS_MAX, READ_MS_MAX, WRITE_MS_MAX } from './dials.ts'
import { isWhole, keyName, type Row, rowOf, tagsOf } from './row.ts'
import type { Tally } from './tally.ts'
import type { WindowRecorder } from './window-recorder.ts'

/** What the calls of one process share. */
export interface CallParts {
  readonly cache: Cache
  readonly database: DatabaseClient
  readonly recorder: WindowRecorder
  readonly tally: Tally
  /** See Ticker. */
  lagMs(): number
  /** Whether no fault, and nothing else that the soak does, can disturb a call now. */
  isCalm(): boolean
  /** Sees every row that was loaded. */
  onLoaded(row: Row): void
}

type Answers = readonly (readonly [key: number, row: Row | undefined])[]
type Names = { readonly keys: readonly string[] } | { readonly tags: readonly string[] }

/** Every call that the soak makes, recorded and timed. None rejects: what it ended with is counted. */
export class Calls {
  readonly #parts: CallParts
  #underWay = 0

  constructor(parts: CallParts) {
    this.#parts = parts
  }

  /** Calls without an answer. */
  get underWay(): number {
    return this.#underWay
  }

  /** `style`: whether its tags are known before the load, or with the row. */
  async getOrSet(key: number, style: 'given' | 'derived', dueMs: number): Promise<void> {
    const { cache } = this.#parts
    const tags = style === 'given' ? tagsOf(key) : tagsOfRow
    await this.#read('getOrSet', dueMs, async () => {
      const row = await cache.getOrSet(keyName(key), () => this.#load(key), { tags })
      return [[key, row]]
    })
  }

  async getOrSetMany(keys: readonly number[], dueMs: number): Promise<void> {
    const { cache } = this.#parts
    await this.#read('getOrSetMany', dueMs, async () => {
      const numbers = new Map(keys.map((key) => [keyName(key), key]))
      const load = (names: readonly string[]) =>
        Promise.all(names.map((name) => this.#load(numbers.get(name) ?? -1)))
      const rows = await cache.getOrSetMany([...numbers.keys()], load, { tags: tagsOfRow })
      return [...numbers.values()].map((key, i) => [key, rows[i]])
    })
  }

  async getEntry(key: number, dueMs: number): Promise<void> {
    const { cache } = this.#parts
    await this.#read('getEntry', dueMs, async () => {
      const entry = await cache.getEntry<Row>(keyName(key))
      return [[key, entry?.value]]
    })
  }

  async delete(key: number, dueMs: number): Promise<void> {
    const { cache, database } = this.#parts
    await this.#write('delete', dueMs, async () => {
      await database.commit(key)
      await this.#invalidate({ keys: [keyName(key)] }, () => cache.delete(keyName(key)))
    })
  }

  async invalidateTag(key: number, dueMs: number): Promise<void> {
    const { cache, database } = this.#parts
    await this.#write('invalidateTag', dueMs, async () => {
      await database.commit(key)
      const tags = tagsOf(key)
      await this.#invalidate({ tags }, () => cache.invalidateTags(tags))
    })
  }

  /** MUTATE: where L2 does not answer, nothing is committed. */
  async write(key: number, dueMs: number): Promise<void> {
    const { cache, database, recorder, tally } = this.#parts
    const keys = [keyName(key)]
    await this.#write('write', dueMs, async () => {
      let committedMs: number | undefined
      const commit = async () => {
        await database.commit(key)
        committedMs = recorder.now()
      }
      const launchMs = recorder.now()
      const lagMs = this.#parts.lagMs()
      try {
        const { l2 } = await cache.write({ keys }, commit)
        if (committedMs !== undefined) this.#record({ keys }, committedMs, l2)
      } catch (error) {
        if (!(error instanceof CacheError) || !error.retryable || committedMs !== undefined) throw error
        tally.refusedWrites++
      } finally {
        this.#answered('write', launchMs, lagMs, WRITE_MS_MAX)
      }
    })
  }

  /** The versions that `getOrSet` answers, for those who compare them with the database; 0: none. */
  async versions(keys: readonly number[]): Promise<readonly number[]> {
    const { cache } = this.#parts
    const version = async (key: number): Promise<number> => {
      const row = await cache.getOrSet(keyName(key), () => this.#load(key), { tags: tagsOf(key) })
      return row?.version ?? 0
    }
    return await Promise.all(keys.map((key) => version(key).catch(() => 0)))
  }

  async #load(key: number): Promise<Row> {
    const row = rowOf(key, await this.#parts.database.read(key))
    this.#parts.onLoaded(row)
    return row
  }

  async #read(what: string, dueMs: number, work: () => Promise<Answers>): Promise<void> {
    const { recorder, tally } = this.#parts
    const wasCalm = this.#parts.isCalm()
    const lagMs = this.#parts.lagMs()
    const startMs = recorder.now()
    this.#underWay++
    try {
      const { value: answers, sources } = await watchReads(work)
      const endMs = recorder.now()
      let isHit = answers.length > 0
      for (const [key, row] of answers) {
        const source = sources.get(keyName(key))
        isHit &&= source === 'l1'
        tally.read(source)
        this.#recordRead(key, startMs, endMs, row, source)
      }
      tally.latency(dueMs, endMs)
      if (isHit && wasCalm && this.#parts.isCalm()) tally.calmHit(dueMs, startMs, endMs)
    } catch (error) {
      this.#ended(what, error)
    } finally {
      this.#underWay--
      const isCalm = wasCalm && this.#parts.isCalm()
      this.#answered(what, startMs, lagMs, isCalm ? CALM_READ_MS_MAX : READ_MS_MAX)
    }
  }

  #recordRead(
    key: number,
    startMs: number,
    endMs: number,
    row: Row | undefined,
    source: ReadSource | undefined,
  ): void {
    const name = keyName(key)
    this.#parts.recorder.add({
      kind: 'read',
      key: name,
      startMs,
      endMs,
      ...(row === undefined ? {} : { version: row.version }),
      ...(row === undefined || (row.key === name && isWhole(row))
        ? {}
        : { valueKey: `not whole: ${row.key}` }),
      ...(source === undefined ? {} : { source }),
    })
  }

  async #write(what: string, dueMs: number, work: () => Promise<void>): Promise<void> {
    const { recorder, tally } = this.#parts
    tally.writes++
    this.#underWay++
    try {
      await work()
      tally.latency(dueMs, recorder.now())
    } catch (error) {
      this.#ended(what, error)
    } finally {
      this.#underWay--
    }
  }

  async #invalidate(names: Names, tell: () => Promise<Invalidated>): Promise<void> {
    const startMs = this.#parts.recorder.now()
    const lagMs = this.#parts.lagMs()
    const { l2 } = await tell()
    this.#record(names, startMs, l2)
    this.#answered('an invalidation', startMs, lagMs, INVALIDATE_MS_MAX)
  }

  #record(names: Names, startMs: number, result: Invalidated['l2']): void {
    const { recorder, tally } = this.#parts
    if (result === 'queued') tally.queued++
    recorder.add({ kind: 'invalidate', ...names, startMs, endMs: recorder.now(), result })
  }

  #answered(what: string, launchMs: number, lagMs: number, boundMs: number): void {
    const { recorder, tally } = this.#parts
    const tookMs = recorder.now() - launchMs - (this.#parts.lagMs() - lagMs)
    tally.answered(what, tookMs, boundMs)
  }

  #ended(what: string, error: unknown): void {
    const { tally } = this.#parts
    if (!(error instanceof DatabaseFailed)) tally.failed(what, error)
    else {
      tally.databaseFailures++
      if (this.#parts.isCalm()) tally.calmFailures++
    }
  }
}

function tagsOfRow(row: Row): readonly string[] {
  return tagsOf(Number(row.key.slice(row.key.indexOf('-') + 1)))
}
