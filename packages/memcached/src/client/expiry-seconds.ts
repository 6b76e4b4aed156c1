/** Above this many seconds the server takes a TTL for a moment, in seconds since 1970. */
const RELATIVE_SECONDS_MAX = 30 * 24 * 60 * 60
// The server reads 32 bits with a sign: January 2038.
const MOMENT_MAX = 2 ** 31 - 1

/**
 * What T, N and R say for a life of `ms` (at least 1; Infinity: until evicted). The server counts whole seconds, and
 * one of T seconds lives longer than T − 1 and at most T: the item lives at least `ms`, and at most 2 s more. 2 is the
 * least. Beyond 30 days it is a moment by the server's clock, for which `serverNowMs` is taken.
 */
export function expirySeconds(ms: number, serverNowMs: number): number {
  if (ms === Infinity) return 0
  const seconds = Math.ceil(Math.max(1, ms) / 1000) + 1
  if (seconds <= RELATIVE_SECONDS_MAX) return seconds
  return Math.min(MOMENT_MAX, Math.ceil(serverNowMs / 1000) + seconds)
}
