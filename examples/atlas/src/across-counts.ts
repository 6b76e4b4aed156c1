/** How reads went that were begun after a write on another node was acknowledged. */
export interface Across {
  readonly right: number
  /** Older than the last write, by no more than the bound. */
  readonly behind: number
  /** Older than the bound allows. */
  readonly stale: number
}

interface Acknowledged {
  readonly value: number
  readonly atMs: number
}

// Older answers than these are older than any bound: writes are 100 ms apart.
const WRITES_REMEMBERED = 64

/** Judges answers to reads by the writes that they missed. Written values rise. */
export class AcrossCounts implements Across {
  readonly #boundMs: number
  readonly #acknowledged: Acknowledged[] = []
  right = 0
  behind = 0
  stale = 0

  constructor(boundMs: number) {
    this.#boundMs = boundMs
  }

  acknowledge(value: number, atMs: number): void {
    this.#acknowledged.push({ value, atMs })
    if (this.#acknowledged.length > WRITES_REMEMBERED) this.#acknowledged.shift()
  }

  /** Takes one answer to a read that began at `startMs`. */
  judge(value: unknown, startMs: number): void {
    const last = this.#acknowledged.at(-1)
    if (value === last?.value) {
      this.right++
      return
    }
    const missed = this.#acknowledged.find((write) => typeof value === 'number' && write.value > value)
    if (missed !== undefined && startMs - missed.atMs <= this.#boundMs) this.behind++
    else this.stale++
  }
}

/**
 * The counts as a line that a terminal of 80 columns holds. Where nobody tells the nodes' L1 of writes, being behind
 * is what was asked for; elsewhere it is stale.
 */
export function formatAcross({ right, behind, stale }: Across, areTold: boolean): string {
  if (areTold) return `across: ${right} right, ${behind + stale} stale`
  return `across: ${right} right, ${stale} stale, ${behind} up to 1 s old (no bus: give REDIS_URL)`
}
