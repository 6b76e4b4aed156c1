import { hostNow, until } from '@holdfast/testkit'
import { type Cache, createCache, type Logger } from 'holdfast'
import { pause } from '../clock.ts'
import { openStore } from '../open-store.ts'
import type { TierPlace } from '../shared-tier.ts'
import type { Outside } from './outside.ts'

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
}

/** How it went, for the callers of one node. */
export interface HerdResult {
  /** Each answer, and how many callers got it. */
  readonly answers: Readonly<Record<string, number>>
  /** How long each caller waited. */
  readonly waitedMs: readonly number[]
}

const SILENT: Logger = { info: () => undefined, warn: () => undefined }

/** A node whose callers come in herds. Its loader counts its calls outside, for the whole fleet. */
export class HerdNode {
  readonly #cache: Cache
  readonly #outside: Outside

  constructor(place: TierPlace, outside: Outside) {
    this.#cache = createCache({ name: 'herds', l2: openStore(place), logger: SILENT })
    this.#outside = outside
  }

  async prepare(): Promise<void> {
    await until('the shared tier is in use', () => this.#cache.stats().l2.online)
  }

  async run({ key, callers, value, loadMs, ttlMs, swr }: Herd): Promise<HerdResult> {
    const loader = async (): Promise<string> => {
      await this.#outside.countLoad(key)
      await pause(loadMs)
      return value
    }
    const options = { ttl: ttlMs, jitter: 0, swr: swr ? '1m' : false } as const
    const answers: Record<string, number> = {}
    const waitedMs: number[] = []
    const call = async (): Promise<void> => {
      const startedMs = hostNow()
      const answer = await this.#cache.getOrSet(key, loader, options)
      answers[answer] = (answers[answer] ?? 0) + 1
      waitedMs.push(hostNow() - startedMs)
    }
    await Promise.all(Array.from({ length: callers }, call))
    return { answers, waitedMs }
  }
}
