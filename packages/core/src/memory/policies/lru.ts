import { LinkedSlots } from '../linked-slots.ts'
import type { EvictionPolicy } from '../policy.ts'

const ORDER = 0

/** The least recently read or written entry leaves. 8 bytes an entry. */
export class Lru implements EvictionPolicy {
  readonly #slots = new LinkedSlots(1)

  reserve(slots: number): void {
    this.#slots.reserve(slots)
  }

  added(slot: number): void {
    this.#slots.pushBack(ORDER, slot)
  }

  used(slot: number): void {
    this.#slots.moveToBack(ORDER, slot)
  }

  replaced(slot: number): void {
    this.#slots.moveToBack(ORDER, slot)
  }

  removed(slot: number): void {
    this.#slots.remove(slot)
  }

  victim(): number {
    return this.#slots.first(ORDER)
  }
}
