/** What a checker found in the answers of one contender. */
export interface Verdict {
  readonly reads: number
  readonly stale: number
  /** Longest time that a stale answer was asked for after the write it missed had been acknowledged. */
  readonly worstMs: number
}

interface Acknowledged {
  readonly version: number
  readonly atMs: number
}

/**
 * Judges reads of one city: stale is an answer older than a write that was acknowledged (committed, and
 * invalidated) before the read began. Versions of one city rise; its writes come one after another.
 */
export class StalenessChecker {
  readonly #acknowledged: Acknowledged[] = []
  #reads = 0
  #stale = 0
  #worstMs = 0

  acknowledge(version: number, atMs: number): void {
    this.#acknowledged.push({ version, atMs })
  }

  /** Takes one answer to a read that began at `startMs`. */
  judge(version: number, startMs: number): void {
    this.#reads++
    const missed = this.#acknowledged.find((write) => write.version > version)
    if (missed === undefined || missed.atMs >= startMs) return
    this.#stale++
    this.#worstMs = Math.max(this.#worstMs, startMs - missed.atMs)
  }

  get verdict(): Verdict {
    return { reads: this.#reads, stale: this.#stale, worstMs: this.#worstMs }
  }
}

/** Several verdicts as one. */
export function sumVerdicts(verdicts: readonly Verdict[]): Verdict {
  return {
    reads: verdicts.reduce((sum, verdict) => sum + verdict.reads, 0),
    stale: verdicts.reduce((sum, verdict) => sum + verdict.stale, 0),
    worstMs: Math.max(0, ...verdicts.map((verdict) => verdict.worstMs)),
  }
}
