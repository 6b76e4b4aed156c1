/** Draws places in a list in proportion to their weights. */
export type CitySampler = () => number

/**
 * A sampler of the places 0 … weights.length - 1 by these weights, which must be finite, not negative and not all
 * zero. Walker's alias method: O(n) to build, one look and one comparison a draw whatever the number of cities.
 * `random` is uniform in [0, 1). Source: Vose, "A linear algorithm for generating random numbers with a given
 * distribution", 1991.
 */
export function createCitySampler(weights: readonly number[], random: () => number): CitySampler {
  const count = weights.length
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  if (!(total > 0) || !Number.isFinite(total)) throw new RangeError('weights: expected a finite sum above 0')
  const share = Float64Array.from(weights, (weight) => (weight / total) * count)
  const alias = pairUp(share)
  return () => {
    const at = random() * count
    const place = Math.floor(at)
    return at - place < (share[place] ?? 1) ? place : (alias[place] ?? place)
  }
}

/** Fills every place below the average with the rest of one above it: each then holds at most two. */
function pairUp(share: Float64Array): Uint32Array {
  const alias = Uint32Array.from(share, (_, place) => place)
  const below: number[] = []
  const above: number[] = []
  for (const [place, part] of share.entries()) (part < 1 ? below : above).push(place)
  for (;;) {
    const small = below.pop()
    const large = above.pop()
    if (small === undefined || large === undefined) {
      // What rounding left over stands for itself.
      for (const place of [small, large, ...below, ...above]) if (place !== undefined) share[place] = 1
      return alias
    }
    alias[small] = large
    share[large] = (share[large] ?? 0) + (share[small] ?? 0) - 1
    ;((share[large] ?? 0) < 1 ? below : above).push(large)
  }
}
