import { type Clock, hardPart, type TagToken } from '../contracts.ts'

/**
 * What this process knows of one tag (or of the namespace). Entries point to the cell, so that checking a hit's
 * tags costs two pointer reads a tag and no look-up.
 */
export interface TagCell {
  readonly name: string
  /** The token in L2, or undefined: not known. */
  token: TagToken | undefined
  /** The token for entries that only this process holds; minted when first needed. */
  local: TagToken | undefined
  /** When this process last expired it. */
  softenedAt: number
  /** Rises with every change: what was read before a change must not be learned after it. */
  changes: number
  /** Rises only when entries that carry the tag were invalidated: nothing from before may ever be served again. */
  invalidations: number
}

/** The cells named in a request, as they stood in the moment before it was sent. */
export interface CellWatch {
  readonly cells: readonly TagCell[]
  readonly changes: readonly number[]
}

/**
 * The cells of one namespace in one part of the store. Bounded: where there is no `room` left the oldest cell is
 * forgotten, and entries that point to it no longer match, which costs them one read of L2.
 */
export class TagCells {
  /** The namespace's own cell: a built-in tag of every entry. */
  readonly namespace: TagCell = newCell('')
  readonly #clock: Clock
  readonly #room: { left: number }
  readonly #cells = new Map<string, TagCell>()
  #walk: Iterator<TagCell> = [].values()

  /** `room`: for how many cells more there is room, shared with those of other parts. */
  constructor(clock: Clock, room: { left: number }) {
    this.#clock = clock
    this.#room = room
  }

  /** The cell of a tag, made where it is new. */
  cell(name: string): TagCell {
    const known = this.#cells.get(name)
    if (known !== undefined) return known
    if (this.#room.left <= 0) this.#forgetOldest()
    const made = newCell(name)
    this.#cells.set(name, made)
    this.#room.left--
    return made
  }

  /** The cells of an entry: the namespace's, then those of its tags. */
  of(tags: readonly string[]): TagCell[] {
    return [this.namespace, ...tags.map((tag) => this.cell(tag))]
  }

  /** The token held of a tag, if any; makes no cell. */
  held(tag: string): TagToken | undefined {
    return this.#cells.get(tag)?.token
  }

  /** Notes how these tags (and the namespace) stand, before a request for their tokens is sent. */
  watch(tags: readonly string[], namespace: boolean): CellWatch {
    const cells = tags.map((tag) => this.cell(tag))
    if (namespace) cells.push(this.namespace)
    return { cells, changes: cells.map((cell) => cell.changes) }
  }

  /** The token for entries that only this process holds. */
  local(cell: TagCell): TagToken {
    cell.local ??= this.#clock.token()
    return cell.local
  }

  /** The tag was invalidated, here or elsewhere: nothing that carries it matches any more. */
  kill(tag: string): void {
    const cell = this.#cells.get(tag)
    if (cell !== undefined) killCell(cell)
  }

  /** The tag was expired by this process: what only this process holds becomes stale. */
  soften(tag: string): void {
    const cell = this.#cells.get(tag)
    if (cell === undefined) return
    cell.changes++
    cell.token = undefined
    cell.softenedAt = this.#clock.now()
    if (cell.local !== undefined) cell.local = hardPart(cell.local) + this.#clock.token()
  }

  /** Nothing is known any more of what L2 holds, or held: the connection came or went, or all was flushed. */
  forgetAll(): void {
    forget(this.namespace)
    for (const cell of this.#cells.values()) forget(cell)
  }

  /** Up to `max` tags whose token is held, going on where the last call stopped. */
  nextHeld(max: number): string[] {
    const held: string[] = []
    for (let step = 0; step < max; step++) {
      const next = this.#walk.next()
      if (next.done === true) {
        this.#walk = this.#cells.values()
        break
      }
      if (next.value.token !== undefined) held.push(next.value.name)
    }
    return held
  }

  #forgetOldest(): void {
    for (const [name, cell] of this.#cells) {
      killCell(cell)
      this.#cells.delete(name)
      this.#room.left++
      return
    }
  }
}

/** Makes every entry that points to this cell a mismatch. */
export function killCell(cell: TagCell): void {
  forget(cell)
  cell.invalidations++
}

/** How often the tags of an entry were invalidated: equal to the number at its admission, or it may not be served. */
export function invalidationsOf(cells: readonly TagCell[]): number {
  let sum = 0
  for (const cell of cells) sum += cell.invalidations
  return sum
}

function newCell(name: string): TagCell {
  return {
    name,
    token: undefined,
    local: undefined,
    softenedAt: Number.POSITIVE_INFINITY,
    changes: 0,
    invalidations: 0,
  }
}

function forget(cell: TagCell): void {
  cell.changes++
  cell.token = undefined
  cell.local = undefined
}
