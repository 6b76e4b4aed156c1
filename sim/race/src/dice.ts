import { seeded } from '@holdfast/testkit'

/** Seeded chance: the same seed and name give the same choices. */
export class Dice {
  /** Uniform in [0, 1). */
  readonly next: () => number

  constructor(seed: number, name: string) {
    let mixed = seed | 0
    for (let i = 0; i < name.length; i++) mixed = Math.imul(mixed ^ name.charCodeAt(i), 0x01000193)
    this.next = seeded(mixed)
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
