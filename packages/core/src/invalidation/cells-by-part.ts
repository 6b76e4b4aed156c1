import type { Clock } from '../contracts.ts'
import { killCell, type TagCell, TagCells } from './tag-cells.ts'

/**
 * The cells of one namespace. Each part of a store has tokens of its own, so that this process keeps cells for each;
 * what is invalidated or expired is so in all of them. The first part's are `home`: a store without parts has no others,
 * and what only this process holds carries their local tokens.
 */
export class CellsByPart {
  readonly home: TagCells
  readonly #clock: Clock
  readonly #onPart: (cells: TagCells) => void
  readonly #room: { left: number }
  /** Bounded by the parts that the store has had at once. */
  readonly #parts: TagCells[]
  /** The part that was first to tell what it holds. */
  #turn = 0

  /** At most `cellsMax` tags in all parts together, or one in each. `onPart` hears of each part's cells. */
  constructor(clock: Clock, cellsMax: number, onPart: (cells: TagCells) => void) {
    this.#clock = clock
    this.#onPart = onPart
    this.#room = { left: cellsMax }
    this.home = new TagCells(clock, this.#room)
    this.#parts = [this.home]
    onPart(this.home)
  }

  /** The cells of one part, made where it is new. */
  at(part: number): TagCells {
    const known = this.#parts[part]
    if (known !== undefined) return known
    while (this.#parts.length <= part) {
      const made = new TagCells(this.#clock, this.#room)
      this.#parts.push(made)
      this.#onPart(made)
    }
    return this.at(part)
  }

  /** Whether this is the cell of the namespace itself, in any part. */
  hasNamespace(cell: TagCell | undefined): boolean {
    return this.#parts.some(({ namespace }) => namespace === cell)
  }

  /** The tag was invalidated, here or elsewhere: nothing that carries it matches any more. */
  kill(tag: string): void {
    for (const cells of this.#parts) cells.kill(tag)
  }

  /** The namespace was cleared, here or elsewhere. */
  killNamespace(): void {
    for (const { namespace } of this.#parts) killCell(namespace)
  }

  /** The tag was expired by this process: what only this process holds becomes stale. */
  soften(tag: string): void {
    for (const cells of this.#parts) cells.soften(tag)
  }

  /** Nothing is known any more of what L2 holds, or held: the connection came or went, or all was flushed. */
  forgetAll(): void {
    for (const cells of this.#parts) cells.forgetAll()
  }

  /**
   * Up to `max` tags whose token is held in any part, going on in each where its last turn stopped. Each call begins with
   * another part: one that holds many would leave no room for the others.
   */
  nextHeld(max: number): string[] {
    const held = new Set<string>()
    this.#turn = (this.#turn + 1) % this.#parts.length
    for (const cells of [...this.#parts.slice(this.#turn), ...this.#parts.slice(0, this.#turn)]) {
      for (const tag of cells.nextHeld(max - held.size)) held.add(tag)
    }
    return [...held]
  }
}
