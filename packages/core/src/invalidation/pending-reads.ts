/** A read (or fill) of one key that is under way and may end in L1, unless a push kills it first. */
export interface PendingRead {
  readonly key: string
  alive: boolean
}

/** Those of one key. */
interface Cell {
  newest: PendingRead | undefined
  /** Older ones, where several are under way. */
  readonly others: PendingRead[]
}

// Keys of which a cell is kept, most of them with no read under way: about 100 bytes and the key each.
const CELLS_MAX = 8192

/**
 * Rule P: a pending read is registered before its request is sent, a push kills it, and only a living one may be put
 * into L1. Without it a push that shares a chunk with the reply is handled before the reply's `await` continues, and
 * the old value stays for its whole life. Bounded by the reads in flight, and by 8,192 empty cells, or twice as many as were once under way.
 */
export class PendingReads {
  // Nothing is deleted read by read: a Map that is rehashed for its deletions leaves its old tables to the next full
  // collection, and with them everything their entries point to (it made a third of a hit's cost).
  #cells = new Map<string, Cell>()
  #dropAt = CELLS_MAX

  open(key: string): PendingRead {
    const pending: PendingRead = { key, alive: true }
    this.add(pending)
    return pending
  }

  add(pending: PendingRead): void {
    const cell = this.#cells.get(pending.key) ?? this.#newCell(pending.key)
    if (cell.newest !== undefined) cell.others.push(cell.newest)
    cell.newest = pending
  }

  close(pending: PendingRead): void {
    const cell = this.#cells.get(pending.key)
    if (cell === undefined) return
    if (cell.newest === pending) cell.newest = cell.others.pop()
    else if (cell.others.length > 0) {
      const at = cell.others.indexOf(pending)
      if (at >= 0) cell.others.splice(at, 1)
    }
  }

  /** The one that was registered last for this key. */
  newest(key: string): PendingRead | undefined {
    return this.#cells.get(key)?.newest
  }

  kill(key: string): void {
    const cell = this.#cells.get(key)
    if (cell !== undefined) killAllOf(cell)
  }

  /** A write of this process is stored: what reads before it found is old, and no push will say so. */
  killOthers(mine: PendingRead): void {
    const { alive } = mine
    this.kill(mine.key)
    mine.alive = alive
  }

  killAll(): void {
    for (const cell of this.#cells.values()) killAllOf(cell)
  }

  #newCell(key: string): Cell {
    if (this.#cells.size >= this.#dropAt) this.#dropEmpty()
    const cell: Cell = { newest: undefined, others: [] }
    this.#cells.set(key, cell)
    return cell
  }

  /** Into a Map of its own: the old one goes as a whole. */
  #dropEmpty(): void {
    this.#cells = new Map([...this.#cells].filter(([, cell]) => cell.newest !== undefined))
    // Twice what is live, or each further read under way would copy them all.
    this.#dropAt = Math.max(CELLS_MAX, this.#cells.size * 2)
  }
}

function killAllOf(cell: Cell): void {
  if (cell.newest !== undefined) cell.newest.alive = false
  for (const pending of cell.others) pending.alive = false
}
