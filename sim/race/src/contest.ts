import { hostNow } from '@holdfast/testkit'
import { pause } from './clock.ts'
import type { MutationName } from './mutations.ts'
import type { Scenario } from './scenario.ts'
import type { SharedTier, StoreName } from './shared-tier.ts'
import { both, NOTHING, type Verdict } from './verdict.ts'

// Longest time that a run takes beyond its readers and writers: connecting, threads, the last reads, the sweep.
const SETTLE_MS_MAX = 60_000

/** How much is run. */
export interface Effort {
  /** A scenario is run until it has made this many reads. */
  readonly readsMin: number
  /** Readers and writers go on this long, then all rest and are checked. */
  readonly runMs: number
  /** Runs at most, of a scenario or until a mutant is caught. */
  readonly runsMax: number
}

/** One line of the table. */
export interface Outcome extends Verdict {
  readonly store: StoreName
  readonly name: string
  readonly mutation: MutationName | undefined
  readonly isGood: boolean
  readonly seed: number
  readonly tookMs: number
}

/** Runs scenarios, with and without mutations, on one shared tier. */
export class Contest {
  readonly #store: StoreName
  readonly #tier: SharedTier
  readonly #effort: Effort
  readonly #seed: number
  #runs = 0

  constructor(store: StoreName, tier: SharedTier, effort: Effort, seed: number) {
    this.#store = store
    this.#tier = tier
    this.#effort = effort
    this.#seed = seed
  }

  /** Good: enough reads, and no violation. */
  async hold(scenario: Scenario): Promise<Outcome> {
    const readsMin = this.#effort.readsMin * (scenario.readsShare ?? 1)
    return await this.#repeat(scenario, undefined, ({ reads, violations }) => ({
      isOver: violations > 0 || reads >= readsMin,
      isGood: violations === 0 && reads > 0,
    }))
  }

  /** Good: caught. */
  async provoke(scenario: Scenario, mutation: MutationName): Promise<Outcome> {
    return await this.#repeat(scenario, mutation, ({ violations }) => ({
      isOver: violations > 0,
      isGood: violations > 0,
    }))
  }

  async #repeat(
    scenario: Scenario,
    mutation: MutationName | undefined,
    judge: (verdict: Verdict) => { readonly isOver: boolean; readonly isGood: boolean },
  ): Promise<Outcome> {
    const startMs = hostNow()
    let verdict = NOTHING
    for (let run = 0; run < this.#effort.runsMax && !judge(verdict).isOver; run++) {
      // What another run left behind is nothing that this one evicts or finds.
      await this.#tier.empty()
      verdict = both(verdict, await this.#run(scenario, mutation, run))
    }
    const { isGood } = judge(verdict)
    const tookMs = hostNow() - startMs
    return { store: this.#store, name: scenario.name, mutation, isGood, seed: this.#seed, tookMs, ...verdict }
  }

  async #run(scenario: Scenario, mutation: MutationName | undefined, run: number): Promise<Verdict> {
    const namespace = `race-${++this.#runs}`
    // Each run of a scenario makes choices of its own, the same ones whatever was run before.
    const seed = this.#seed + run
    const { runMs: forMs } = this.#effort
    const over = new AbortController()
    const late = pause(forMs + SETTLE_MS_MAX, over.signal).then(() => {
      const label = mutation === undefined ? scenario.name : `without ${mutation}: ${scenario.name}`
      throw new Error(`${label}: run ${run} of seed ${this.#seed} did not end`)
    })
    try {
      return await Promise.race([scenario.run({ tier: this.#tier, namespace, seed, mutation, forMs }), late])
    } finally {
      over.abort()
      late.catch(() => {})
    }
  }
}
