/** What the database of a race holds under an id: `old` until the change commits `new`. */
export type State = 'old' | 'new'

/** What is outside of all caches of a fleet, and one for all of its processes: it lives in the test's. */
export interface Outside {
  /** Reads the row, past every cache. */
  read(id: string): Promise<State>
  commitNew(id: string): Promise<void>
  /** Counts one load; answers how many there have been in the whole fleet. */
  countLoad(id: string): Promise<number>
  /** One command to the shared tier's server, for who caches by hand. */
  command(...args: readonly string[]): Promise<unknown>
}

/** The outside of a fleet. `command` as it is there, where somebody caches by hand. */
export class World implements Outside {
  readonly #committed = new Set<string>()
  readonly #loads = new Map<string, number>()
  readonly #command: (args: readonly string[]) => Promise<unknown>

  constructor(command: (args: readonly string[]) => Promise<unknown> = nobodysCommand) {
    this.#command = command
  }

  /** Loads of an id so far. */
  loadsOf(id: string): number {
    return this.#loads.get(id) ?? 0
  }

  async read(id: string): Promise<State> {
    return this.#committed.has(id) ? 'new' : 'old'
  }

  async commitNew(id: string): Promise<void> {
    this.#committed.add(id)
  }

  async countLoad(id: string): Promise<number> {
    const loads = this.loadsOf(id) + 1
    this.#loads.set(id, loads)
    return loads
  }

  async command(...args: readonly string[]): Promise<unknown> {
    return await this.#command(args)
  }
}

async function nobodysCommand(): Promise<never> {
  throw new Error('nobody caches by hand here')
}
