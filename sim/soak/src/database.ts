import type { Dice } from '@holdfast/race/dice'
import type { NewEvent } from '@holdfast/testkit'
import { after } from './clock.ts'
import { keyName, tagsOf } from './row.ts'

/** What a process asks of the database. */
export interface DatabaseRequest {
  readonly id: number
  readonly ask: 'read' | 'commit'
  readonly key: number
}

/** `version` 0: the database is away, and nothing was done. */
export interface DatabaseAnswer {
  readonly id: number
  readonly version: number
}

const LOAD_MS_MAX = 10

/**
 * The source of truth: one version counter a key, all at 1. It reads first and answers some time later: the longer a
 * load takes, the older is what it brings. Its commits go into the history from here, so that no version is ever read
 * before the history knows it.
 */
export class Database {
  isAway = false
  readonly #versions: Int32Array
  readonly #dice: Dice
  readonly #record: (event: NewEvent) => void
  readonly #now: () => number

  constructor(keys: number, dice: Dice, history: { add(event: NewEvent): void; now(): number }) {
    this.#versions = new Int32Array(keys).fill(1)
    this.#dice = dice
    this.#record = (event) => history.add(event)
    this.#now = () => history.now()
  }

  version(key: number): number {
    return this.#versions[key] ?? 0
  }

  /** Answers commits at once, and all reads of one message together: messages cost more than what they ask for. */
  ask(requests: readonly DatabaseRequest[], answer: (answers: readonly DatabaseAnswer[]) => void): void {
    if (this.isAway) {
      answer(requests.map(({ id }) => ({ id, version: 0 })))
      return
    }
    const commits: DatabaseAnswer[] = []
    const reads: DatabaseAnswer[] = []
    for (const { id, ask, key } of requests) {
      if (ask === 'commit') commits.push({ id, version: this.#commit(key) })
      else reads.push({ id, version: this.version(key) })
    }
    if (commits.length > 0) answer(commits)
    if (reads.length > 0) after(1 + this.#dice.upTo(LOAD_MS_MAX - 1), () => answer(reads))
  }

  #commit(key: number): number {
    const startMs = this.#now()
    const version = this.version(key) + 1
    this.#versions[key] = version
    this.#record({
      kind: 'commit',
      key: keyName(key),
      tags: tagsOf(key),
      version,
      startMs,
      endMs: this.#now(),
    })
    return version
  }
}
