/**
 * Milliseconds of the host's monotonic clock, with fractions: one origin for all processes of a host
 * (CLOCK_MONOTONIC on Linux), which `performance.now()` does not have.
 */
export function hostNow(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}
