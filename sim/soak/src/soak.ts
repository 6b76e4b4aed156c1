import { Dice } from '@holdfast/race/dice'
import { hostNow } from '@holdfast/testkit'
import { type Agreement, agreement, sweep } from './agreement.ts'
import type { AppAnswer } from './app-contract.ts'
import { every, pause } from './clock.ts'
import { AGREE_MS_MAX } from './dials.ts'
import { type PlannedFault, planFaults } from './fault-plan.ts'
import { Fleet } from './fleet.ts'
import { undeclaredKeysWithoutTtl } from './keys-without-ttl.ts'
import { type LeakReport, leaksOf } from './leak-gate.ts'
import { describeFault, inject } from './nemesis.ts'
import type { Plan } from './plan.ts'
import type { Scoreboard } from './scoreboard.ts'
import type { Vitals } from './vitals.ts'

/** What a soak found. */
export interface SoakResult {
  readonly scoreboard: Scoreboard
  /** With the database, after the last fault; undefined: it was not looked at. */
  readonly agreed: Agreement | undefined
  /** False: broken off, so that what comes after the load was not looked at. */
  readonly isComplete: boolean
  readonly leaks: readonly LeakReport[]
  /** Names in Redis that would stay for ever; the first ones. */
  readonly keysWithoutTtl: readonly string[]
  /** What is wrong with processes that should be at rest, or have ended. */
  readonly unrest: readonly string[]
  /** The folder with the history of violations; undefined: there was none. */
  readonly evidence: string | undefined
}

/** What a soak tells while it runs. Moments are milliseconds since the load began. */
export interface SoakListener {
  fault(atMs: number, description: string): void
  agreed(atMs: number, agreed: Agreement): void
  progress(atMs: number, scoreboard: Scoreboard, vitals: readonly Vitals[]): void
}

// After a fault is undone calls are calm again: connections are back, and what was owed is paid.
const SETTLE_MS = 1000
// A sample costs a collection of all garbage.
const SAMPLE_EVERY_MS = 5000
const PROGRESS_EVERY_MS = 10_000
const POLL_MS = 50

/** One run: load with faults, load without, rest, and a look at all that is left. */
export class Soak {
  readonly #plan: Plan
  readonly #fleet: Fleet
  readonly #listener: SoakListener
  readonly #samples: (readonly Vitals[])[] = []
  #startMs = 0
  #sampledMs = 0
  #healedMs = 0

  private constructor(plan: Plan, fleet: Fleet, listener: SoakListener) {
    this.#plan = plan
    this.#fleet = fleet
    this.#listener = listener
  }

  /** A process that crashes, or does not do what it is told, ends the run, and is told in its result. */
  static async run(plan: Plan, listener: SoakListener): Promise<SoakResult> {
    await using fleet = await Fleet.open(plan)
    const soak = new Soak(plan, fleet, listener)
    const stopTelling = every(PROGRESS_EVERY_MS, () =>
      listener.progress(soak.#now(), fleet.scoreboard, soak.#samples.at(-1) ?? []),
    )
    try {
      return await soak.#run()
    } catch (error) {
      fleet.scoreboard.crashed(`broken off: ${String(error)}`)
      return soak.#result({})
    } finally {
      stopTelling()
    }
  }

  async #run(): Promise<SoakResult> {
    const fleet = this.#fleet
    await fleet.askAll({ order: 'connect' })
    const before = await this.#takeVitals()
    this.#startMs = hostNow()
    await fleet.askAll({ order: 'drive' })
    await this.#safety()
    const agreed = this.#isOver() ? undefined : await this.#liveness()
    const unrest = restless(fleet, await fleet.askAll({ order: 'rest' }))
    const after = await this.#takeVitals()
    if (this.#isOver()) {
      await fleet.finish()
      return this.#result({})
    }
    await sweep(fleet, this.#plan.keys)
    const keysWithoutTtl = await undeclaredKeysWithoutTtl(fleet.tier.server)
    const leaks = fleet.apps.map(({ name }, i) =>
      leaksOf({
        name,
        before: at(before, i),
        after: at(after, i),
        during: this.#samples.map((all) => at(all, i)),
      }),
    )
    unrest.push(...(await fleet.finish()))
    return this.#result({ agreed, leaks, keysWithoutTtl, unrest, isComplete: true })
  }

  /** One fault after the other; the last one ends behind the end of the phase. */
  async #safety(): Promise<void> {
    const { seed, safetyMs } = this.#plan
    for (const fault of planFaults(new Dice(seed, 'nemesis'), this.#plan)) {
      await this.#wait(fault.gapMs)
      if (this.#isOver()) return
      await this.#injectOne(fault)
      if (this.#now() > safetyMs || this.#isOver()) return
      await this.#wait(SETTLE_MS)
      await this.#fleet.askAll({ order: 'calm', isCalm: true })
      await this.#sample()
    }
  }

  async #injectOne(fault: PlannedFault): Promise<void> {
    const fleet = this.#fleet
    await fleet.askAll({ order: 'calm', isCalm: false })
    this.#listener.fault(this.#now(), describeFault(fault))
    await inject(fault, fleet)
    fleet.scoreboard.faults++
    this.#healedMs = hostNow()
  }

  /** Agreement while nobody writes, then the whole load without faults. */
  async #liveness(): Promise<Agreement> {
    const fleet = this.#fleet
    await fleet.askAll({ order: 'allow-writes', isAllowed: false })
    const agreed = await agreement(fleet, this.#plan.keys, this.#healedMs, AGREE_MS_MAX)
    this.#listener.agreed(this.#now(), agreed)
    await fleet.askAll({ order: 'allow-writes', isAllowed: true })
    await fleet.askAll({ order: 'calm', isCalm: true })
    await this.#wait(this.#plan.livenessMs)
    return agreed
  }

  async #sample(): Promise<void> {
    if (hostNow() - this.#sampledMs < SAMPLE_EVERY_MS) return
    this.#samples.push(await this.#takeVitals())
    this.#sampledMs = hostNow()
  }

  async #takeVitals(): Promise<readonly Vitals[]> {
    const answers = await this.#fleet.askAll({ order: 'take-vitals' })
    return answers.flatMap(({ vitals }) => vitals ?? [])
  }

  /** Whether the run has shown what it was for: a mutant is caught, or something has crashed. */
  #isOver(): boolean {
    const { violations, crashes } = this.#fleet.scoreboard
    return crashes.length > 0 || (this.#plan.mutation !== undefined && violations > 0)
  }

  async #wait(ms: number): Promise<void> {
    const untilMs = hostNow() + ms
    for (let leftMs = ms; leftMs > 0 && !this.#isOver(); leftMs = untilMs - hostNow()) {
      await pause(Math.min(POLL_MS, leftMs))
    }
  }

  #now(): number {
    return hostNow() - this.#startMs
  }

  #result(found: Partial<SoakResult>): SoakResult {
    const { scoreboard, evidence } = this.#fleet
    return {
      agreed: undefined,
      leaks: [],
      keysWithoutTtl: [],
      unrest: [],
      isComplete: false,
      ...found,
      scoreboard,
      evidence,
    }
  }
}

function restless({ apps, scoreboard }: Fleet, answers: readonly AppAnswer[]): string[] {
  const found: string[] = []
  for (const [i, { isOnline, owed, flights, underWay, progress }] of answers.entries()) {
    const name = apps[i]?.name ?? ''
    scoreboard.progressed(name, progress)
    if (!isOnline) found.push(`${name} is not connected`)
    if (owed > 0) found.push(`${name} owes ${owed} invalidations`)
    if (flights > 0) found.push(`${name} has ${flights} loads under way`)
    if (underWay > 0) found.push(`${name} has ${underWay} calls without an answer`)
  }
  return found
}

function at(vitals: readonly Vitals[], i: number): Vitals {
  const found = vitals[i]
  if (found === undefined) throw new RangeError(`no vitals of process ${i + 1}`)
  return found
}
