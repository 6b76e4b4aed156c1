import { Dice } from '@holdfast/race/dice'
import type { Calls } from './calls.ts'
import { nextTurn } from './clock.ts'
import type { Plan } from './plan.ts'
import { Zipf } from './zipf.ts'

/** Ticks of the open loop: the shorter, the more of a core is spent on keeping them. */
export const TICK_MS = 5

const ZIPF_EXPONENT = 0.99
const WRITES = 0.05
const READS_OF_KINDS = [
  ['getOrSet', 60],
  ['getOrSet, tags of the row', 25],
  ['getOrSetMany', 10],
  ['getEntry', 5],
] as const
const WRITES_OF_KINDS = [
  ['delete', 70],
  ['invalidateTag', 10],
  ['write', 20],
] as const
// Keys of one bulk read.
const MANY = 5
// More are not made: a process that is this far behind measures nothing but its own queue.
const UNDER_WAY_MAX = 20_000

/** Makes the calls of one process, at a fixed rate: the same ones for the same seed. */
export class Traffic {
  isWriting = true
  shed = 0
  readonly #calls: Calls
  readonly #callsPerTick: number
  readonly #dice: Dice
  readonly #zipf: Zipf
  #due = 0

  constructor(calls: Calls, name: string, { seed, callsPerSecond, keys }: Plan) {
    this.#calls = calls
    this.#callsPerTick = (callsPerSecond * TICK_MS) / 1000
    this.#dice = new Dice(seed, name)
    this.#zipf = new Zipf(keys, ZIPF_EXPONENT)
  }

  /** The calls of one tick; nobody waits for them. */
  tick(dueMs: number): void {
    for (this.#due += this.#callsPerTick; this.#due >= 1; this.#due--) {
      if (this.#calls.underWay >= UNDER_WAY_MAX) this.shed++
      // Each in a turn of its own, as requests arrive: a hit is answered before the next call is made. None rejects.
      else nextTurn(() => void this.#one(dueMs))
    }
  }

  #one(dueMs: number): Promise<void> {
    const isWrite = this.#dice.chance(WRITES)
    const key = this.#zipf.draw(this.#dice)
    return isWrite && this.isWriting ? this.#write(key, dueMs) : this.#read(key, dueMs)
  }

  #read(key: number, dueMs: number): Promise<void> {
    switch (this.#dice.weighted(READS_OF_KINDS)) {
      case 'getOrSet':
        return this.#calls.getOrSet(key, 'given', dueMs)
      case 'getOrSet, tags of the row':
        return this.#calls.getOrSet(key, 'derived', dueMs)
      case 'getEntry':
        return this.#calls.getEntry(key, dueMs)
      case 'getOrSetMany':
        return this.#calls.getOrSetMany(this.#several(key), dueMs)
    }
  }

  #several(first: number): readonly number[] {
    const keys = new Set([first])
    while (keys.size < MANY) keys.add(this.#zipf.draw(this.#dice))
    return [...keys]
  }

  #write(key: number, dueMs: number): Promise<void> {
    switch (this.#dice.weighted(WRITES_OF_KINDS)) {
      case 'delete':
        return this.#calls.delete(key, dueMs)
      case 'invalidateTag':
        return this.#calls.invalidateTag(key, dueMs)
      case 'write':
        return this.#calls.write(key, dueMs)
    }
  }
}
