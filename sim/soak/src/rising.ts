/**
 * Events in the order of their ends, each higher than all before it: what is not higher adds nothing to what its
 * predecessors tell of the time behind them.
 */
export class Rising<E extends { readonly endMs: number }> {
  #steps: { readonly event: E; readonly height: number }[] = []

  get events(): readonly E[] {
    return this.#steps.map(({ event }) => event)
  }

  /** Height of the lowest; infinity: there is none. */
  get lowest(): number {
    return this.#steps[0]?.height ?? Number.POSITIVE_INFINITY
  }

  /** Call it in the order of ends. */
  add(event: E, height: number): void {
    if (height > (this.#steps.at(-1)?.height ?? 0)) this.#steps.push({ event, height })
  }

  /** The highest that ended before `ms`; 0: none did. */
  heightBefore(ms: number): number {
    return this.#steps.findLast(({ event }) => event.endMs < ms)?.height ?? 0
  }

  /** Keeps of those that ended before `ms` the highest, and of all those above `height`. */
  prune(ms: number, height: number): void {
    const last = this.#steps.findLastIndex(({ event }) => event.endMs < ms)
    this.#steps = this.#steps.filter((step, i) => i >= last && step.height > height)
  }
}
