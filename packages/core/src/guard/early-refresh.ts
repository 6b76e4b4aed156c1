// Beyond 20 load times before expiry the chance of a draw is e^-20: not worth a random number.
const DRAWS_MAX = 20

/**
 * XFetch: whether this hit should refresh an entry that is still fresh. The chance rises as the end nears and with
 * the time a load takes, so that of many readers about one does it. Source: Vattani, Chierichetti, Lowenstein,
 * "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015.
 */
export function refreshesEarly(
  remainingMs: number,
  loadMs: number,
  beta: number,
  random: () => number,
): boolean {
  const scaleMs = loadMs * beta
  if (scaleMs === 0 || remainingMs > scaleMs * DRAWS_MAX) return false
  // 1 - random() is in (0, 1]: never the logarithm of zero.
  return -Math.log(1 - random()) * scaleMs >= remainingMs
}
