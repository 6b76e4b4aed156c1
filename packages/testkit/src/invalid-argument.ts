import { CacheError, show } from 'holdfast/contracts'

/** The error of a test author's mistake. */
export function invalidArgument(argument: string, expected: string, got: unknown): CacheError {
  return new CacheError('invalid_argument', `${argument}: expected ${expected}, got ${show(got)}`)
}
