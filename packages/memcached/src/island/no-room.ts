import { CacheError } from 'holdfast/contracts'
import type { Place } from './place.ts'

/** The error of one to whom the server gave no item, not even an empty one; the log is told, too. */
export function noRoom(place: Place, key: string): CacheError {
  place.tellFull()
  return new CacheError('l2_error', 'the shared tier is full: what is loaded is not stored', {
    key,
    tier: 'l2',
    retryable: true,
  })
}
