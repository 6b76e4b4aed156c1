import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { ReadSource } from '@holdfast/testkit'

/** What one process did since it began, as numbers. */
export interface Progress {
  readonly reads: number
  readonly writes: number
  /** Answers by where they came from. */
  readonly sources: Readonly<Record<ReadSource, number>>
  /** Reads and writes that the database failed, while it or its way was out of order. */
  readonly databaseFailures: number
  /** Writes that were refused before anything was written, L2 being away. */
  readonly refusedWrites: number
  /** Invalidations that L2 did not acknowledge at once. */
  readonly queued: number
  /** Calls that were not made, because too many had no answer yet. */
  readonly shed: number
  /** Calls that took longer than their bound; the first ones in words. */
  readonly late: number
  readonly lateCalls: readonly string[]
  /** Errors that no call may end with; the first ones in words. */
  readonly failures: number
  readonly failed: readonly string[]
  /** Failures of the database in calm time. */
  readonly calmFailures: number
  /** The longest answer, with what the process itself was late taken off. */
  readonly answerMsWorst: number
  /** From the moment a call was due to its answer, whatever kept its process from making it. */
  readonly all: Latency
  /** The same, of hits of L1 in calm time. */
  readonly calmL1: Latency
  /** From the moment the call was made. */
  readonly calmL1Call: Latency
}

/** In microseconds. */
export interface Latency {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

// The first ones tell enough.
const WORDS_MAX = 5

/** Counts what a process does. */
export class Tally {
  writes = 0
  databaseFailures = 0
  calmFailures = 0
  refusedWrites = 0
  queued = 0
  shed = 0
  #reads = 0
  #late = 0
  #failures = 0
  #answerMsWorst = 0
  readonly #sources: Record<ReadSource, number> = { l1: 0, l2: 0, loader: 0, stale: 0 }
  readonly #lateCalls: string[] = []
  readonly #failed: string[] = []
  readonly #calmL1 = createHistogram()
  readonly #calmL1Call = createHistogram()
  readonly #all = createHistogram()

  read(source: ReadSource | undefined): void {
    this.#reads++
    if (source !== undefined) this.#sources[source]++
  }

  latency(dueMs: number, endMs: number): void {
    record(this.#all, endMs - dueMs)
  }

  /** A hit of L1 that no fault can have disturbed. */
  calmHit(dueMs: number, startMs: number, endMs: number): void {
    record(this.#calmL1, endMs - dueMs)
    record(this.#calmL1Call, endMs - startMs)
  }

  /** What the cache took of `boundMs`, the process' own lateness taken off. */
  answered(what: string, tookMs: number, boundMs: number): void {
    this.#answerMsWorst = Math.max(this.#answerMsWorst, tookMs)
    if (tookMs <= boundMs) return
    this.#late++
    if (this.#lateCalls.length < WORDS_MAX)
      this.#lateCalls.push(`${what} took ${tookMs.toFixed(0)} ms of ${boundMs}`)
  }

  failed(what: string, error: unknown): void {
    this.#failures++
    if (this.#failed.length < WORDS_MAX) this.#failed.push(`${what} ended with ${String(error)}`)
  }

  progress(): Progress {
    return {
      reads: this.#reads,
      writes: this.writes,
      sources: { ...this.#sources },
      databaseFailures: this.databaseFailures,
      calmFailures: this.calmFailures,
      refusedWrites: this.refusedWrites,
      queued: this.queued,
      shed: this.shed,
      late: this.#late,
      lateCalls: [...this.#lateCalls],
      failures: this.#failures,
      failed: [...this.#failed],
      answerMsWorst: this.#answerMsWorst,
      all: latencyOf(this.#all),
      calmL1: latencyOf(this.#calmL1),
      calmL1Call: latencyOf(this.#calmL1Call),
    }
  }
}

function record(histogram: RecordableHistogram, ms: number): void {
  histogram.record(Math.max(1, Math.round(ms * 1000)))
}

function latencyOf(histogram: RecordableHistogram): Latency {
  if (histogram.count === 0) return { count: 0, p50: 0, p99: 0, max: 0 }
  const { count, max } = histogram
  return { count, p50: histogram.percentile(50), p99: histogram.percentile(99), max }
}
