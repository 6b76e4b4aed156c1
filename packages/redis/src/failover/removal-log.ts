// What one log holds at most: about 2 MB at usual lengths.
const NAMES_MAX = 10_000
const KEPT_MS = 60_000

/**
 * The keys that this process had removed lately, with the moments at which the server acknowledged it. Bounded by
 * 10,000 names and by 60 s of acknowledgements: time without any, such as an outage, costs nothing.
 */
export class RemovalLog {
  /** In the order of their moments. */
  readonly #removed = new Map<string, number>()
  /** Removals up to this moment may have been forgotten. */
  #forgottenUpTo = -Infinity

  add(names: readonly string[], now: number): void {
    for (const name of names) {
      // Set anew, or it would keep its place in the order.
      this.#removed.delete(name)
      this.#removed.set(name, now)
    }
    for (const [name, at] of this.#removed) {
      if (this.#removed.size <= NAMES_MAX && at >= now - KEPT_MS) break
      this.#removed.delete(name)
      this.#forgottenUpTo = at
    }
  }

  /** Every key whose removal was acknowledged at `moment` or later; undefined: some of them may have been forgotten. */
  since(moment: number): readonly string[] | undefined {
    if (moment <= this.#forgottenUpTo) return undefined
    return [...this.#removed].filter(([, at]) => at >= moment).map(([name]) => name)
  }
}
