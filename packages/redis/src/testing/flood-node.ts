import { pause } from '@holdfast/testkit'
import type { Cache } from 'holdfast'
import { systemClock } from 'holdfast/contracts'
import { cacheOver, inUseAgain } from './open-cache.ts'

export interface Flood {
  readonly name: string
  readonly keys: number
  readonly loadMs: number
}

export interface FloodResult {
  /** From the first call to the last answer. */
  readonly settledMs: number
  /** Calls that were answered with the value of their key. */
  readonly answered: number
  /** What resident memory grew by at most meanwhile. */
  readonly grownBytes: number
  /** Loads that waited for their turn at most. */
  readonly waitingMax: number
}

/** A node that is asked for thousands of cold keys in one tick. */
export class FloodNode {
  readonly #cache: Cache

  constructor({ url }: { readonly url: string }) {
    this.#cache = cacheOver(url)
  }

  prepare(): Promise<void> {
    return inUseAgain(this.#cache)
  }

  async run({ name, keys, loadMs }: Flood): Promise<FloodResult> {
    const loader = async ({ key }: { readonly key: string }): Promise<string> => {
      await pause(loadMs)
      return `value of ${key}`
    }
    const startBytes = process.memoryUsage.rss()
    const startMs = systemClock.now()
    let [grownBytes, waitingMax] = [0, 0]
    const look = (): void => {
      grownBytes = Math.max(grownBytes, process.memoryUsage.rss() - startBytes)
      waitingMax = Math.max(waitingMax, this.#cache.stats().running.waiting)
    }
    const asked = Array.from({ length: keys }, (_, i) => `${name} ${i}`)
    let isSettled = false
    const answers = Promise.all(asked.map((key) => this.#cache.getOrSet(key, loader))).finally(() => {
      isSettled = true
    })
    while (!isSettled) {
      look()
      await pause(5)
    }
    const settledMs = systemClock.now() - startMs
    const answered = (await answers).filter((answer, i) => answer === `value of ${asked[i]}`).length
    return { settledMs, answered, grownBytes, waitingMax }
  }

  close(): Promise<unknown> {
    return this.#cache.close()
  }
}
