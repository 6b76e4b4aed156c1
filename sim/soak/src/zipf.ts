import type { Dice } from '@holdfast/race/dice'

/**
 * Key numbers drawn by Zipf's law: number k (from 0) as often as 1 / (k + 1)^exponent says. Exact, by the cumulated
 * shares: O(log n) a draw, 8 bytes a key. Source of 0.99: YCSB (Cooper et al., SoCC 2010).
 */
export class Zipf {
  readonly #upTo: Float64Array

  constructor(keys: number, exponent: number) {
    this.#upTo = new Float64Array(keys)
    let sum = 0
    for (let key = 0; key < keys; key++) {
      sum += (key + 1) ** -exponent
      this.#upTo[key] = sum
    }
  }

  draw(dice: Dice): number {
    const at = dice.next() * (this.#upTo.at(-1) ?? 0)
    let low = 0
    let high = this.#upTo.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#upTo[middle] ?? 0) > at) high = middle
      else low = middle + 1
    }
    return low
  }
}
