import { NO_SLOT } from './policy.ts'

/**
 * Doubly linked lists over slots; a slot is in one list at most. All links lie in one typed array: 8 bytes a
 * slot, nothing for the garbage collector to follow, nothing allocated when a slot moves.
 *
 * Places 0 to lists - 1 are the lists' own ends (each list is a ring through its end), slot s is at lists + s.
 * The links of a place lie side by side: [2 * place] leads to the front, [2 * place + 1] to the back.
 */
export class LinkedSlots {
  readonly #lists: number
  #links: Int32Array<ArrayBuffer>

  constructor(lists: number) {
    this.#lists = lists
    this.#links = new Int32Array(2 * lists)
    for (let end = 0; end < lists; end++) this.#join(end, end)
  }

  /** Makes room for slots below `slots`. Cost: a copy. */
  reserve(slots: number): void {
    this.#links = new Int32Array(this.#links.buffer.transfer(8 * (this.#lists + slots)))
  }

  /** The slot at the front; NO_SLOT where the list is empty. */
  first(list: number): number {
    const place = this.#after(list)
    return place === list ? NO_SLOT : place - this.#lists
  }

  /** Puts a slot that is in no list at the back of `list`. */
  pushBack(list: number, slot: number): void {
    const place = this.#lists + slot
    this.#join(this.#before(list), place)
    this.#join(place, list)
  }

  /** Takes a slot out of whichever list it is in. */
  remove(slot: number): void {
    const place = this.#lists + slot
    this.#join(this.#before(place), this.#after(place))
  }

  /** Moves a slot from whichever list it is in to the back of `list`. */
  moveToBack(list: number, slot: number): void {
    if (this.#before(list) === this.#lists + slot) return
    this.remove(slot)
    this.pushBack(list, slot)
  }

  /** Moves all of `from`, in its order, to the back of `to`. O(1). */
  append(from: number, to: number): void {
    const first = this.#after(from)
    if (first === from) return
    const last = this.#before(from)
    this.#join(this.#before(to), first)
    this.#join(last, to)
    this.#join(from, from)
  }

  #join(front: number, back: number): void {
    this.#links[2 * front + 1] = back
    this.#links[2 * back] = front
  }

  // The `??` never takes effect: places are in range. It is how an indexed read is a number to the compiler.
  #before(place: number): number {
    return this.#links[2 * place] ?? 0
  }

  #after(place: number): number {
    return this.#links[2 * place + 1] ?? 0
  }
}
