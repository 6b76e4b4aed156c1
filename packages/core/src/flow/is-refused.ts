import { CacheError } from '../contracts.ts'

/** Whether L2 has answered that it will not do it (a full server, a value too large for it): it is certain that nothing was done. */
export function isRefused(error: unknown): boolean {
  return error instanceof CacheError && (error.code === 'l2_error' || error.code === 'value_too_large')
}
