import { type HistoryEvent, type HistoryRecorder, recordHistory } from '@holdfast/testkit'
import type { Cache } from 'holdfast'
import { pause } from './clock.ts'
import { Database } from './database.ts'
import { Dice } from './dice.ts'
import { Loads } from './loads.ts'
import { type CacheSetup, openCache } from './open-cache.ts'
import { Reads } from './reads.ts'
import type { Workload } from './workload.ts'
import { Writes } from './writes.ts'

/** All that makes a node. Plain data and shared memory: it is handed to threads. */
export interface NodeSetup extends CacheSetup {
  /** Its name in the history. */
  readonly name: string
  readonly seed: number
  /** Of the database. */
  readonly memory: SharedArrayBuffer
}

/** What a node did and saw. */
export interface NodeReport {
  readonly events: readonly HistoryEvent[]
  /** Reads of every key after all had come to rest. */
  readonly sweep: readonly HistoryEvent[]
  /** Most loads of one key that ran at once. */
  readonly loadsAtOnceMax: number
  /** Errors that no read may end with; the first few. */
  readonly errors: readonly string[]
}

/** One process of the fleet, as the race drives it. */
export interface RacingNode {
  /** Resolves when it is connected and its readers run. */
  start(): Promise<void>
  /** One write: commit, then invalidate. */
  write(): Promise<void>
  /** Ends its readers; resolves when the last one has its answer, or is given up. */
  rest(): Promise<void>
  /** Resolves when the shared tier is used again, and owed nothing, and the bus is heard, after whatever befell them. */
  settle(): Promise<void>
  /** Reads what the tiers hold of every key, when all have come to rest. */
  peek(): Promise<void>
  /** Reads every key once more, with a loader, and reports. */
  sweep(): Promise<NodeReport>
  close(): Promise<void>
}

// Longest wait for the shared tier: for the first connection, and for the last, with all that it is owed.
const CONNECT_MS_MAX = 10_000
// A read that takes longer is taken never to end.
const READ_MS_MAX = 20_000
// Longest pause between two reads of one reader.
const THINK_MS_MAX = 2
const STALL_SHARE = 0.05

/** A node in this thread. */
export class RaceNode implements RacingNode {
  readonly #workload: Workload
  readonly #cache: Cache
  readonly #recorder: HistoryRecorder
  readonly #sweeper: HistoryRecorder
  readonly #loads: Loads
  readonly #reads: Reads
  readonly #sweeps: Reads
  readonly #writes: Writes
  readonly #dice: Dice
  readonly #database: Database
  #readers: readonly Promise<void>[] = []
  #isResting = false

  constructor(setup: NodeSetup) {
    const { name, seed, workload, memory } = setup
    this.#workload = workload
    this.#recorder = recordHistory({ process: name })
    this.#sweeper = recordHistory({ process: name })
    this.#dice = new Dice(seed, name)
    this.#database = new Database(memory, workload.tags)
    const cache = openCache(setup, this.#recorder, this.#dice)
    const loads = new Loads(this.#database, workload, this.#dice)
    const parts = { database: this.#database, loads, workload, dice: this.#dice }
    this.#cache = cache
    this.#loads = loads
    this.#reads = new Reads(cache, { ...parts, recorder: this.#recorder })
    this.#sweeps = new Reads(cache, { ...parts, recorder: this.#sweeper })
    this.#writes = new Writes(cache, { ...parts, recorder: this.#recorder })
  }

  async start(): Promise<void> {
    // An absent L2 is waited for once.
    if (this.#workload.l2 === 'away') await this.#cache.get('nothing')
    await this.settle()
    this.#readers = Array.from({ length: this.#workload.readers }, () => this.#readOn())
  }

  async write(): Promise<void> {
    await this.#writes.any()
  }

  async rest(): Promise<void> {
    this.#isResting = true
    const over = new AbortController()
    const giveUp = pause(READ_MS_MAX, over.signal).then(
      () => this.#reads.giveUp(),
      () => {},
    )
    await Promise.race([Promise.all(this.#readers), giveUp])
    over.abort()
  }

  async settle(): Promise<void> {
    if (this.#workload.l2 === 'away') return
    const giveUpMs = this.#recorder.now() + CONNECT_MS_MAX
    for (;;) {
      const { l2, bus } = this.#cache.stats()
      const { online, queuedInvalidations: owed } = l2
      const isTold = this.#workload.l1 !== 'bus' || bus.verified
      if (online && owed === 0 && isTold) return
      const state = online ? `connected, owed ${owed}, ${isTold ? '' : 'not '}told` : 'not connected'
      if (this.#recorder.now() > giveUpMs) throw new Error(`${state} after ${CONNECT_MS_MAX} ms`)
      await pause(1)
    }
  }

  async peek(): Promise<void> {
    if (this.#workload.l2 === 'there') await this.#cache.barrier()
    for (const key of this.#database.keys) await this.#sweeps.entry(key)
  }

  async sweep(): Promise<NodeReport> {
    for (const key of this.#database.keys) await this.#sweeps.fresh(key)
    return {
      events: this.#recorder.events,
      sweep: this.#sweeper.events,
      loadsAtOnceMax: this.#loads.atOnceMax,
      errors: [...this.#reads.errors, ...this.#sweeps.errors],
    }
  }

  async close(): Promise<void> {
    await this.#cache.close()
  }

  async #readOn(): Promise<void> {
    while (!this.#isResting) {
      await this.#reads.any()
      await pause(this.#dice.upTo(THINK_MS_MAX))
      if (this.#workload.stallMsMax > 0 && this.#dice.chance(STALL_SHARE)) this.#stall()
    }
  }

  /** Blocks the event loop, as a long computation does: replies and pushes gather meanwhile. */
  #stall(): void {
    const endMs = this.#recorder.now() + this.#dice.next() * this.#workload.stallMsMax
    while (this.#recorder.now() < endMs);
  }
}
