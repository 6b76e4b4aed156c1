import { type EvictionPolicy, NO_SLOT } from '../policy.ts'

/**
 * The entry that is forgotten soonest leaves; equals in no particular order. Reads do not matter. A binary heap
 * over slots, O(log n) to change, O(1) where each new entry outlives the others; 16 bytes an entry.
 *
 * The moments are copies, taken by `added` and `replaced`: a `forgetAt` that is changed in place changes
 * neither the heap nor its order.
 */
export class Ttl implements EvictionPolicy {
  // A slot is forgotten no sooner than its parent, the one at half its place.
  #heap = new Int32Array(0)
  #placeOf = new Int32Array(0)
  #forgetAt = new Float64Array(0)
  #held = 0

  reserve(slots: number): void {
    this.#heap = new Int32Array(this.#heap.buffer.transfer(4 * slots))
    this.#placeOf = new Int32Array(this.#placeOf.buffer.transfer(4 * slots))
    this.#forgetAt = new Float64Array(this.#forgetAt.buffer.transfer(8 * slots))
  }

  added(slot: number, forgetAt: number): void {
    this.#forgetAt[slot] = forgetAt
    this.#rise(slot, this.#held++)
  }

  used(): void {}

  replaced(slot: number, forgetAt: number): void {
    this.#forgetAt[slot] = forgetAt
    this.#settle(slot, this.#place(slot))
  }

  removed(slot: number): void {
    const last = this.#at(--this.#held)
    if (last !== slot) this.#settle(last, this.#place(slot))
  }

  victim(): number {
    return this.#held === 0 ? NO_SLOT : this.#at(0)
  }

  /** Finds the place of a slot that stands, or is put, at `place`, whose neighbours are in order. */
  #settle(slot: number, place: number): void {
    this.#sink(slot, place)
    this.#rise(slot, this.#place(slot))
  }

  #rise(slot: number, from: number): void {
    let place = from
    while (place > 0) {
      const parent = this.#at((place - 1) >> 1)
      if (this.#moment(parent) <= this.#moment(slot)) break
      this.#put(parent, place)
      place = (place - 1) >> 1
    }
    this.#put(slot, place)
  }

  #sink(slot: number, from: number): void {
    let place = from
    for (let child = 2 * place + 1; child < this.#held; child = 2 * place + 1) {
      const isRightSooner =
        child + 1 < this.#held && this.#moment(this.#at(child + 1)) < this.#moment(this.#at(child))
      const soonerChild = isRightSooner ? child + 1 : child
      if (this.#moment(slot) <= this.#moment(this.#at(soonerChild))) break
      this.#put(this.#at(soonerChild), place)
      place = soonerChild
    }
    this.#put(slot, place)
  }

  #put(slot: number, place: number): void {
    this.#heap[place] = slot
    this.#placeOf[slot] = place
  }

  // The `??` never takes effect: places and slots are in range. It is how an indexed read is a number here.
  #at(place: number): number {
    return this.#heap[place] ?? 0
  }

  #place(slot: number): number {
    return this.#placeOf[slot] ?? 0
  }

  #moment(slot: number): number {
    return this.#forgetAt[slot] ?? 0
  }
}
