import type { Clock } from '../../clock.ts'
import { type EvictionPolicy, NO_SLOT } from '../policy.ts'

/** Any entry leaves, each as likely as another. 8 bytes an entry. */
export class Random implements EvictionPolicy {
  readonly #clock: Clock
  // The held slots, side by side in no order, and where each one stands.
  #slots = new Int32Array(0)
  #placeOf = new Int32Array(0)
  #held = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  reserve(slots: number): void {
    this.#slots = new Int32Array(this.#slots.buffer.transfer(4 * slots))
    this.#placeOf = new Int32Array(this.#placeOf.buffer.transfer(4 * slots))
  }

  added(slot: number): void {
    this.#put(slot, this.#held++)
  }

  used(): void {}

  replaced(): void {}

  removed(slot: number): void {
    // The last one moves into the gap.
    this.#put(this.#slots[--this.#held] ?? slot, this.#placeOf[slot] ?? 0)
  }

  victim(): number {
    if (this.#held === 0) return NO_SLOT
    return this.#slots[Math.floor(this.#clock.random() * this.#held)] ?? NO_SLOT
  }

  #put(slot: number, place: number): void {
    this.#slots[place] = slot
    this.#placeOf[slot] = place
  }
}
