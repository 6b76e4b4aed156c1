import { LinkedSlots } from './linked-slots.ts'
import { NO_SLOT } from './policy.ts'

// Lists of slots that hold no entry.
const VACANT = 0
const UNUSED = 1

// As many vacant slots are kept however few are held.
const VACANT_MIN = 64
// Arrays over slots start here and double.
const SLOTS_MIN = 64

/**
 * Entries by key, each in a slot: a small whole number that stays the same while the entry is held.
 *
 * A slot is held, vacant or unused. Vacant is what a removed entry leaves: its key still leads to the slot, so
 * that the key's return costs the Map nothing. This is for V8, whose Map leaves a tombstone for each delete,
 * all those of one key in one chain that every miss on the key walks until the next rehash: delete and set of
 * one hot key among 100,000 cost 12 to 60 µs a pair. Vacant slots are at most an eighth of the held ones (64
 * where that is more); beyond, the oldest are given up, and since a V8 Map rehashes before its tombstones are 3
 * times its keys, a chain has some 24 at most.
 */
export class SlotTable<E extends { readonly key: string }> {
  readonly #slots = new Map<string, number>()
  // By slot: the entry held, the key of a vacant slot, undefined in an unused one.
  readonly #contents: (E | string | undefined)[] = []
  // Every slot that is not held, the longest vacant first.
  readonly #idle = new LinkedSlots(2)
  #reserved = 0
  #held = 0
  #vacant = 0

  /** Entries held. */
  get size(): number {
    return this.#held
  }

  /** Slots there are; each one's number is below. */
  get length(): number {
    return this.#contents.length
  }

  /** Slots there is room for. A caller with arrays over slots asks after each `add` whether it grew. */
  get reserved(): number {
    return this.#reserved
  }

  /** The slot that the key leads to, which may be vacant; undefined: none. */
  slotOf(key: string): number | undefined {
    return this.#slots.get(key)
  }

  /** The entry held in a slot; undefined: it is vacant or unused. */
  at(slot: number): E | undefined {
    const content = this.#contents[slot]
    return typeof content === 'string' ? undefined : content
  }

  /** Holds an entry whose key leads to `vacantSlot`, or to none; the slot it is in. */
  add(entry: E, vacantSlot: number | undefined): number {
    const slot = vacantSlot ?? this.#newSlot(entry.key)
    if (vacantSlot !== undefined) {
      this.#idle.remove(vacantSlot)
      this.#vacant--
    }
    this.#contents[slot] = entry
    this.#held++
    return slot
  }

  /** Puts an entry in the place of the one of the same key that the slot holds. */
  replace(slot: number, entry: E): void {
    this.#contents[slot] = entry
  }

  /** Takes the entry out of a slot that holds it. */
  vacate(slot: number, entry: E): void {
    this.#contents[slot] = entry.key
    this.#idle.pushBack(VACANT, slot)
    this.#held--
    this.#vacant++
    // Twice at most: one entry fewer is an eighth of a vacant slot fewer.
    while (this.#vacant > Math.max(VACANT_MIN, this.#held >> 3)) this.#release(this.#idle.first(VACANT))
  }

  #newSlot(key: string): number {
    const unused = this.#idle.first(UNUSED)
    const slot = unused === NO_SLOT ? this.#contents.length : unused
    if (slot === this.#reserved) {
      this.#reserved = Math.max(SLOTS_MIN, 2 * this.#reserved)
      this.#idle.reserve(this.#reserved)
    }
    this.#slots.set(key, slot)
    if (slot === unused) this.#idle.remove(slot)
    return slot
  }

  /** Gives up a vacant slot: its key leads nowhere any more. */
  #release(slot: number): void {
    const key = this.#contents[slot]
    if (typeof key === 'string') this.#slots.delete(key)
    this.#contents[slot] = undefined
    this.#idle.moveToBack(UNUSED, slot)
    this.#vacant--
  }
}
