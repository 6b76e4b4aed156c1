import { pause } from './clock.ts'
import type { Database, Row } from './database.ts'
import type { Dice } from './dice.ts'
import type { Workload } from './workload.ts'

/** What a loader throws that was told to fail. */
export class LoadFailed extends Error {}

/** The loaders of one node. They read first and wait then: the longer they take, the older is what they bring. */
export class Loads {
  readonly #database: Database
  readonly #workload: Workload
  readonly #dice: Dice
  readonly #running = new Map<number, number>()
  /** A load that has read its row goes on when this says so: for a race whose order is directed. */
  gate: (() => Promise<void>) | undefined
  #atOnceMax = 0

  constructor(database: Database, workload: Workload, dice: Dice) {
    this.#database = database
    this.#workload = workload
    this.#dice = dice
  }

  /** Most loads of one key that ran at once (rule L). */
  get atOnceMax(): number {
    return this.#atOnceMax
  }

  /** Whether a load of this key has read its row, and is not done. */
  isRunning(key: number): boolean {
    return (this.#running.get(key) ?? 0) > 0
  }

  async one(key: number): Promise<Row> {
    const [row] = await this.many([key])
    if (row === undefined) throw new RangeError(`no key ${key}`)
    return row
  }

  /** One bulk load. */
  async many(keys: readonly number[]): Promise<Row[]> {
    for (const key of keys) this.#begin(key)
    try {
      const rows = keys.map((key) => this.#database.read(key))
      await (this.gate?.() ?? pause(this.#dice.upTo(this.#workload.loadMsMax)))
      if (this.#dice.chance(this.#workload.loadsFailing)) throw new LoadFailed('the load was told to fail')
      return rows
    } finally {
      for (const key of keys) this.#running.set(key, (this.#running.get(key) ?? 1) - 1)
    }
  }

  #begin(key: number): void {
    const running = (this.#running.get(key) ?? 0) + 1
    this.#running.set(key, running)
    this.#atOnceMax = Math.max(this.#atOnceMax, running)
  }
}
