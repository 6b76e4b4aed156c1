import { ok, rejects } from 'node:assert/strict'
import { CacheError, type CacheErrorCode } from 'holdfast/contracts'

/** What a call that had no answer in time rejects with; the second: of a store of several parts. */
export const UNANSWERED: readonly CacheErrorCode[] = ['l2_timeout', 'l2_part_away']

/** Fails unless the promise rejects with a CacheError of one of these codes. */
export async function rejectsWith(promise: Promise<unknown>, ...codes: CacheErrorCode[]): Promise<void> {
  await rejects(promise, (error: unknown) => {
    ok(error instanceof CacheError, `a CacheError, got ${String(error)}`)
    ok(codes.includes(error.code), `code ${codes.join(' or ')}, got ${error.code}: ${error.message}`)
    return true
  })
}
