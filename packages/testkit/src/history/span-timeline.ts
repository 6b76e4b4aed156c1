import { firstIndex } from './first-index.ts'

/** Acknowledged operations of one name, by their two moments. Built once, then asked in O(log n). */
export class SpanTimeline {
  readonly #spans: { readonly startMs: number; readonly endMs: number }[] = []
  /** firstEnd[i]: the earliest end of spans i.. by start. */
  #firstEnd: number[] = []
  /** lastEnd[i]: the latest end of spans 0..i by start. */
  #lastEnd: number[] = []
  #isSorted = true

  add(startMs: number, endMs: number): void {
    this.#spans.push({ startMs, endMs })
    this.#isSorted = false
  }

  /** The earliest end of those that started after `ms`; infinity: none. */
  firstEndAfter(ms: number): number {
    this.#sort()
    const from = firstIndex(this.#spans.length, (i) => (this.#spans[i]?.startMs ?? 0) > ms)
    return this.#firstEnd[from] ?? Number.POSITIVE_INFINITY
  }

  /** The latest end of those that started at or before `ms`; minus infinity: none. */
  lastEndUpTo(ms: number): number {
    this.#sort()
    const count = firstIndex(this.#spans.length, (i) => (this.#spans[i]?.startMs ?? 0) > ms)
    return this.#lastEnd[count - 1] ?? Number.NEGATIVE_INFINITY
  }

  #sort(): void {
    if (this.#isSorted) return
    this.#isSorted = true
    this.#spans.sort((a, b) => a.startMs - b.startMs)
    let last = Number.NEGATIVE_INFINITY
    this.#lastEnd = this.#spans.map(({ endMs }) => (last = Math.max(last, endMs)))
    let first = Number.POSITIVE_INFINITY
    this.#firstEnd = this.#spans.map(({ endMs }) => endMs)
    for (let i = this.#spans.length - 1; i >= 0; i--) {
      first = Math.min(first, this.#spans[i]?.endMs ?? first)
      this.#firstEnd[i] = first
    }
  }
}
