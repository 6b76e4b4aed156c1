import { CacheError } from '../contracts.ts'

/** Whether an operation failed because the part of L2 that keeps its key is away: told of once, not call by call. */
export function isPartAway(error: unknown): boolean {
  return error instanceof CacheError && error.code === 'l2_part_away'
}
