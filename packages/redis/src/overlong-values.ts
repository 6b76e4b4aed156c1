import type { Clock, UnreadableEntry } from 'holdfast/contracts'
import type { RespOverlong } from './resp-value.ts'

// Short enough that a change nobody tells of is noticed soon; long enough that 20 MB of it do not fill a network.
const KEPT_MS = 10_000
const VALUES_MAX = 1000
const ID_AT = 4
const ID_BYTES = 8

interface Noted {
  readonly entry: UnreadableEntry
  readonly until: number
}

/**
 * The values that another process stored and that are longer than this one reads, by their names in Redis. For some
 * seconds they are not asked for again: each answer would be passed over again, in front of everybody else's.
 */
export class OverlongValues {
  readonly #clock: Clock
  readonly #noted = new Map<string, Noted>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Notes a value that was found, as what it is to a reader: a miss. */
  note(name: string, { head, length }: RespOverlong): UnreadableEntry {
    const entry: UnreadableEntry = {
      readable: false,
      isTooLarge: true,
      reason: `${length} bytes, more than this process reads (maxValueBytes)`,
      seen: head.toString('latin1', ID_AT, ID_AT + ID_BYTES),
    }
    this.#noted.delete(name)
    this.#noted.set(name, { entry, until: this.#clock.now() + KEPT_MS })
    if (this.#noted.size > VALUES_MAX) {
      for (const oldest of this.#noted.keys()) {
        this.#noted.delete(oldest)
        break
      }
    }
    return entry
  }

  /** What is known of a value without asking. Costs nothing where nothing is noted. */
  find(name: string): UnreadableEntry | undefined {
    if (this.#noted.size === 0) return undefined
    const noted = this.#noted.get(name)
    if (noted === undefined || this.#clock.now() < noted.until) return noted?.entry
    this.#noted.delete(name)
    return undefined
  }

  /** The value has changed. */
  forget(name: string): void {
    this.#noted.delete(name)
  }
}
