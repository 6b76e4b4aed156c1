/** Seeded chance: the same seed and name give the same choices. Source: mulberry32 (Ettinger, 2017). */
export class Dice {
  #state: number

  constructor(seed: number, name: string) {
    let mixed = seed | 0
    for (let i = 0; i < name.length; i++) mixed = Math.imul(mixed ^ name.charCodeAt(i), 0x01000193)
    this.#state = mixed
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 to `max`, both included. */
  upTo(max: number): number {
    return Math.floor(this.next() * (max + 1))
  }

  chance(share: number): boolean {
    return this.next() < share
  }

  /** One of the names, as often as its weight says. */
  weighted<Name extends string>(weights: readonly (readonly [name: Name, weight: number])[]): Name {
    const total = weights.reduce((sum, [, weight]) => sum + weight, 0)
    let left = this.next() * total
    for (const [name, weight] of weights) {
      left -= weight
      if (left < 0) return name
    }
    throw new RangeError('no weights')
  }
}
