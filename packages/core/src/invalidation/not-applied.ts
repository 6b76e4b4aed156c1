import { CacheError } from '../contracts.ts'

/** The error of an invalidation that had to be applied and was not. */
export function notApplied(cause: unknown): CacheError {
  return new CacheError(
    'not_applied',
    'the shared tier did not acknowledge the invalidation; it is queued and holds in this process',
    {
      tier: 'l2',
      retryable: true,
      cause,
    },
  )
}
