/** How many fresh answers were at most this far behind an acknowledged invalidation. */
export interface FreshWithin {
  readonly withinMs: number
  readonly reads: number
  /** -log10 of the share that was further behind: 3 means 99.9 %. Infinity: none was. */
  readonly nines: number
}

const STEPS_MS = [0, 1, 10, 100, 1_000, 10_000] as const

/** Tells how far behind the reads of a run were, step by step. */
export class Freshness {
  readonly #within: number[] = STEPS_MS.map(() => 0)
  #reads = 0
  #worstMs = 0

  add(staleMs: number): void {
    this.#reads++
    this.#worstMs = Math.max(this.#worstMs, staleMs)
    for (const [step, withinMs] of STEPS_MS.entries()) {
      if (staleMs <= withinMs) this.#within[step] = (this.#within[step] ?? 0) + 1
    }
  }

  get reads(): number {
    return this.#reads
  }

  get worstMs(): number {
    return this.#worstMs
  }

  steps(): readonly FreshWithin[] {
    return STEPS_MS.map((withinMs, step) => {
      const reads = this.#within[step] ?? 0
      const late = this.#reads - reads
      return {
        withinMs,
        reads,
        nines: late === 0 ? Number.POSITIVE_INFINITY : -Math.log10(late / this.#reads),
      }
    })
  }
}
