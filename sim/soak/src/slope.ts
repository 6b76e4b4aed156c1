/** A line through points, and how far from it the truth may be. */
export interface Slope {
  /** Units of y for one unit of x. */
  readonly perX: number
  /** Standard error of `perX`; infinity with fewer than three points. */
  readonly error: number
}

/** The line of least squares. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): Slope {
  const n = points.length
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  if (n < 3 || spread === 0) return { perX: 0, error: Number.POSITIVE_INFINITY }
  const perX = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread
  const rest = points.reduce((sum, [x, y]) => sum + (y - meanY - perX * (x - meanX)) ** 2, 0)
  return { perX, error: Math.sqrt(rest / (n - 2) / spread) }
}
