import { LinkedSlots } from '../linked-slots.ts'
import { type EvictionPolicy, NO_SLOT } from '../policy.ts'

/** Counts stop here: one list a count, and a count is one byte. */
export const USES_MAX = 255
/** Counts are halved after this many adds, reads and writes per entry held. */
export const USES_BETWEEN_HALVINGS = 10
// Halved this often, every count is 0.
const HALVINGS_TO_ZERO = 8

/**
 * The least often read or written entry leaves; between equals, the one used least recently. A new entry
 * counts 1, each use 1 more, up to 255. 17 bytes an entry.
 *
 * Aging: after 10 uses per entry held, all counts are halved (1 becomes 0), so that what was hot yesterday
 * falls behind what is new today within 8 halvings. Halving keeps the order of leaving; it only makes equals.
 * It is done to whole lists (256 steps, however many entries); an entry's own count is brought up to date when
 * it is next used. Aging by halving: Einziger, Friedman, Manes, "TinyLFU", ACM TOS 2017; lists by count:
 * Shah, Mitra, Matani, "An O(1) algorithm for implementing the LFU cache eviction scheme", 2010.
 */
export class Lfu implements EvictionPolicy {
  // List n holds the slots that count n, least recently used first.
  readonly #slots = new LinkedSlots(USES_MAX + 1)
  // What a slot counted when it was last used, and how many halvings there had been.
  #counts = new Uint8Array(0)
  #countedAt = new Uint32Array(0)
  // Wraps at 2^32, as the array does; differences stay right.
  #halvings = 0
  #usesSinceHalving = 0
  #held = 0
  // No slot counts less.
  #lowest = 0

  reserve(slots: number): void {
    this.#slots.reserve(slots)
    this.#counts = new Uint8Array(this.#counts.buffer.transfer(slots))
    this.#countedAt = new Uint32Array(this.#countedAt.buffer.transfer(4 * slots))
  }

  added(slot: number): void {
    this.#held++
    this.#slots.pushBack(1, slot)
    this.#lowest = Math.min(this.#lowest, 1)
    this.#counted(slot, 1)
  }

  used(slot: number): void {
    const count = Math.min(this.#countOf(slot) + 1, USES_MAX)
    this.#slots.moveToBack(count, slot)
    this.#counted(slot, count)
  }

  replaced(slot: number): void {
    this.used(slot)
  }

  removed(slot: number): void {
    this.#held--
    this.#slots.remove(slot)
  }

  victim(): number {
    // At most 255 steps; each was paid for by uses that raised counts.
    for (; this.#lowest <= USES_MAX; this.#lowest++) {
      const slot = this.#slots.first(this.#lowest)
      if (slot !== NO_SLOT) return slot
    }
    return NO_SLOT
  }

  #countOf(slot: number): number {
    const halvings = (this.#halvings - (this.#countedAt[slot] ?? 0)) >>> 0
    return halvings >= HALVINGS_TO_ZERO ? 0 : (this.#counts[slot] ?? 0) >> halvings
  }

  #counted(slot: number, count: number): void {
    this.#counts[slot] = count
    this.#countedAt[slot] = this.#halvings
    this.#usesSinceHalving++
    if (this.#usesSinceHalving >= USES_BETWEEN_HALVINGS * this.#held) this.#halve()
  }

  #halve(): void {
    // Upwards, so that of two lists that become one, the less used leave first.
    for (let count = 1; count <= USES_MAX; count++) this.#slots.append(count, count >> 1)
    this.#lowest >>= 1
    this.#halvings = (this.#halvings + 1) >>> 0
    this.#usesSinceHalving = 0
  }
}
