import { firstIndex } from './first-index.ts'

/** When versions of one key became known, and what was known by a moment. Built once, then asked in O(log n). */
export class VersionTimeline {
  readonly #points: { readonly atMs: number; readonly version: number }[] = []
  /** newest[i]: the highest version of points 0..i, by moment. */
  #newest: number[] = []
  #isSorted = true

  add(atMs: number, version: number): void {
    this.#points.push({ atMs, version })
    this.#isSorted = false
  }

  /** The highest version known before `ms`; undefined: none. */
  newestBefore(ms: number): number | undefined {
    const count = this.#firstIndex((i) => this.#at(i) >= ms)
    return this.#newest[count - 1]
  }

  /** The first moment at which a version above `version` was known; undefined: never. */
  firstNewer(version: number): number | undefined {
    return this.#points[this.#firstIndex((i) => (this.#newest[i] ?? 0) > version)]?.atMs
  }

  #at(i: number): number {
    return this.#points[i]?.atMs ?? Number.POSITIVE_INFINITY
  }

  /** The first index for which a condition holds that, once true, stays true. */
  #firstIndex(holds: (i: number) => boolean): number {
    this.#sort()
    return firstIndex(this.#points.length, holds)
  }

  #sort(): void {
    if (this.#isSorted) return
    this.#isSorted = true
    this.#points.sort((a, b) => a.atMs - b.atMs)
    let newest = Number.NEGATIVE_INFINITY
    this.#newest = this.#points.map(({ version }) => (newest = Math.max(newest, version)))
  }
}
