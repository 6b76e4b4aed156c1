import { type HistoryRecorder, recordHistory } from '@holdfast/testkit'
import type { Cache } from 'holdfast'
import type { StoreDefinition } from 'holdfast/contracts'
import { pause } from './clock.ts'
import { Database } from './database.ts'
import { Dice } from './dice.ts'
import { Loads } from './loads.ts'
import { openCache } from './open-cache.ts'
import type { Run } from './random-race.ts'
import { Reads } from './reads.ts'
import type { TierPlace } from './shared-tier.ts'
import { judge, type Verdict } from './verdict.ts'
import { WORKLOAD, type Workload } from './workload.ts'
import { Writes } from './writes.ts'

type Wrap = (definition: StoreDefinition) => StoreDefinition

/** One of them. */
interface Player {
  readonly cache: Cache
  readonly recorder: HistoryRecorder
  readonly loads: Loads
  readonly reads: Reads
  readonly writes: Writes
}

// Longest wait for the connections of both.
const CONNECT_MS_MAX = 10_000

/** Two nodes in one process, for a race whose order is directed: what chance hits too seldom to prove anything. */
export class TwoNodes implements AsyncDisposable {
  readonly first: Player
  readonly second: Player
  readonly #workload: Workload
  readonly #run: Run

  private constructor(run: Run, workload: Workload, place: TierPlace, wraps: readonly Wrap[]) {
    this.#workload = workload
    this.#run = run
    const memory = Database.memoryOf(workload.keys)
    this.first = this.#player('first', place, memory, wraps[0])
    this.second = this.#player('second', place, memory, wraps[1])
  }

  /** `wraps` go around the stores of the first and the second. */
  static async open(run: Run, own: Partial<Workload>, ...wraps: readonly Wrap[]): Promise<TwoNodes> {
    const workload = { ...WORKLOAD, ...own }
    return new TwoNodes(run, workload, await run.tier.placeFor(workload), wraps)
  }

  /** Resolves when both use the shared tier. */
  async connected(): Promise<void> {
    const { recorder } = this.first
    const giveUpMs = recorder.now() + CONNECT_MS_MAX
    while (![this.first, this.second].every(({ cache }) => cache.stats().l2.online)) {
      if (recorder.now() > giveUpMs) throw new Error(`not connected after ${CONNECT_MS_MAX} ms`)
      await pause(1)
    }
  }

  /** Plays rounds, each with the next key, until the run's time is over; then the verdict. */
  async play(round: (key: number) => Promise<void>): Promise<Verdict> {
    await this.connected()
    const players = [this.first, this.second]
    const { recorder } = this.first
    const untilMs = recorder.now() + this.#run.forMs
    for (let i = 0; recorder.now() < untilMs; i++) await round(i % this.#workload.keys)
    const reports = players.map(({ recorder: { events }, reads: { errors }, loads }) => ({
      events,
      errors,
      sweep: [],
      loadsAtOnceMax: loads.atOnceMax,
    }))
    return judge(this.#workload, reports)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.first.cache.close(), this.second.cache.close()])
  }

  #player(name: string, place: TierPlace, memory: SharedArrayBuffer, wrap: Wrap | undefined): Player {
    const workload = this.#workload
    const { namespace, mutation, seed } = this.#run
    const recorder = recordHistory({ process: name })
    const dice = new Dice(seed, name)
    const cache = openCache({ place, namespace, workload, mutation }, recorder, dice, wrap)
    const database = new Database(memory, workload.tags)
    const loads = new Loads(database, workload, dice)
    const parts = { database, loads, recorder, workload, dice }
    return { cache, recorder, loads, reads: new Reads(cache, parts), writes: new Writes(cache, parts) }
  }
}
