import type { WindowVerdict } from './judge.ts'
import type { Progress } from './tally.ts'

const FINDINGS_MAX = 20

/** What is known of a run so far, put together from its processes and its judge. */
export class Scoreboard {
  /** Faults that were injected. */
  faults = 0
  #reads = 0
  #violations = 0
  #worstStalenessMs = 0
  readonly #findings: string[] = []
  readonly #crashes: string[] = []
  readonly #progress = new Map<string, Progress>()

  judged(verdict: WindowVerdict): void {
    this.#reads += verdict.reads
    this.#violations += verdict.violations
    this.#worstStalenessMs = Math.max(this.#worstStalenessMs, verdict.worstStalenessMs)
    for (const finding of verdict.findings) this.found(finding, 0)
  }

  /** A violation that the end of the run brought to light. */
  found(finding: string, violations = 1): void {
    this.#violations += violations
    if (this.#findings.length < FINDINGS_MAX) this.#findings.push(finding)
  }

  /** Something ended that must not. */
  crashed(why: string): void {
    if (this.#crashes.length < FINDINGS_MAX) this.#crashes.push(why)
  }

  progressed(name: string, progress: Progress): void {
    this.#progress.set(name, progress)
  }

  /** Reads that were checked. */
  get reads(): number {
    return this.#reads
  }

  get violations(): number {
    return this.#violations
  }

  get worstStalenessMs(): number {
    return this.#worstStalenessMs
  }

  get findings(): readonly string[] {
    return this.#findings
  }

  get crashes(): readonly string[] {
    return this.#crashes
  }

  get processes(): readonly (readonly [name: string, progress: Progress])[] {
    return [...this.#progress]
  }

  /** A number of all processes together. */
  sum(of: (progress: Progress) => number): number {
    return [...this.#progress.values()].reduce((sum, progress) => sum + of(progress), 0)
  }

  /** The highest of all processes. */
  max(of: (progress: Progress) => number): number {
    return Math.max(0, ...[...this.#progress.values()].map(of))
  }
}
