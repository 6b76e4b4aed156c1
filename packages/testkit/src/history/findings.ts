import type { Anomaly, Violation } from './anomaly.ts'
import type { HistoryEvent } from './history-event.ts'

/** Collects what the checks find: every violation is counted, the first ones are kept. */
export class Findings {
  readonly violations: Violation[] = []
  readonly counts: Map<Anomaly, number> = new Map()
  readonly #skipped: ReadonlySet<Anomaly>
  readonly #keptMax: number

  constructor(skipped: Iterable<Anomaly>, keptMax: number) {
    this.#skipped = new Set(skipped)
    this.#keptMax = keptMax
  }

  add(anomaly: Anomaly, event: HistoryEvent, why: string, staleMs = 0): void {
    if (this.#skipped.has(anomaly)) return
    this.counts.set(anomaly, (this.counts.get(anomaly) ?? 0) + 1)
    if (this.violations.length < this.#keptMax) this.violations.push({ anomaly, event, why, staleMs })
  }
}
