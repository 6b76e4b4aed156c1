import { pause, until } from '@holdfast/testkit'
import { type Cache, createCache } from 'holdfast'
import { systemClock } from 'holdfast/contracts'
import { redis } from '../redis.ts'
import { Database } from './database.ts'
import { SILENT } from './open-cache.ts'
import { overrunMs } from './overrun.ts'

/** Callers that ask one node for one key at once. */
export interface Herd {
  readonly key: string
  readonly callers: number
  /** What the loader answers, and how long it takes. */
  readonly value: string
  readonly loadMs: number
  readonly ttlMs: number
  /** Whether a stale value may be answered. */
  readonly swr: boolean
  /** When each caller should have its answer, for `overruns`. */
  readonly boundMs?: number
}

/** How it went, for the callers of one node. */
export interface HerdResult {
  /** Each answer, and how many callers got it. */
  readonly answers: Readonly<Record<string, number>>
  /** How long each caller waited. */
  readonly waitedMs: readonly number[]
  /** How much later than `boundMs` each of them had its answer, where that is given. */
  readonly overruns: readonly number[]
}

/** A node whose callers come in herds. Its loader counts its calls in the database, for the whole fleet. */
export class HerdNode {
  readonly #cache: Cache
  readonly #database: Database

  /** `cacheUrl`: where the cache finds Redis, if not where the database is. */
  constructor({ url, cacheUrl = url }: { readonly url: string; readonly cacheUrl?: string }) {
    this.#cache = createCache({ name: 'herds', l2: redis(cacheUrl), logger: SILENT })
    this.#database = new Database(url)
  }

  async prepare(): Promise<void> {
    await this.#database.connected()
    await until('the shared tier is in use', () => this.#cache.stats().l2.online)
  }

  async run({ key, callers, value, loadMs, ttlMs, swr, boundMs }: Herd): Promise<HerdResult> {
    const loader = async (): Promise<string> => {
      await this.#database.countLoad(key)
      await pause(loadMs)
      return value
    }
    const options = { ttl: ttlMs, jitter: 0, swr: swr ? '1m' : false } as const
    const answers: Record<string, number> = {}
    const waitedMs: number[] = []
    const call = async (): Promise<void> => {
      const startedAt = systemClock.now()
      const answer = await this.#cache.getOrSet(key, loader, options)
      answers[answer] = (answers[answer] ?? 0) + 1
      waitedMs.push(systemClock.now() - startedAt)
    }
    const overruns: number[] = []
    const timed = async (): Promise<void> => {
      if (boundMs === undefined) await call()
      else overruns.push(await overrunMs(boundMs, call))
    }
    await Promise.all(Array.from({ length: callers }, timed))
    return { answers, waitedMs, overruns }
  }

  async close(): Promise<void> {
    await this.#cache.close()
    await this.#database.close()
  }
}
