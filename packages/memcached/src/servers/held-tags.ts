/**
 * Tags that a process holds, for the servers of a ring to keep warm: each is given all of them in turn. A cache tells the
 * next ones with every question, and would otherwise tell each server of some and never of the others.
 */
export class HeldTags {
  readonly #next: (max: number) => readonly string[]
  readonly #given = new Set<number>()
  #tags: readonly string[] = []

  constructor(next: (max: number) => readonly string[]) {
    this.#next = next
  }

  /** Those that the others are given, or the next ones where this server has had them. */
  for(server: number, max: number): readonly string[] {
    if (this.#given.size === 0 || this.#given.has(server)) {
      this.#given.clear()
      this.#tags = this.#next(max)
    }
    this.#given.add(server)
    return this.#tags
  }
}
