/*
 * What a caller has seen of a value, which it hands back when it goes on to load over it or asks again: the id of the value
 * (8 characters, which core compares), and behind it `<generation>.<cas>`, by which the server knows that very item. The
 * second part is missing where somebody holds the lease of the value (to offer it by its cas would void that), and where the
 * value comes from L1. One that the server has counted is good for the connection that it was read on alone: a restarted
 * server counts anew.
 */

import { isExplicitCas } from './explicit-cas.ts'

const ID_CHARS = 8
// In place of the id of a value that was passed over for its length.
const PASSED_OVER = '\0\0large\0'

interface Counting {
  readonly generation: number
}

/** What stands behind the id of a value that was read with this cas. */
export function behindId({ generation }: Counting, cas: string): string {
  return `${generation}.${cas}`
}

/** What was seen of a value whose id was not read. */
export function seenInPassing(behind: string): string {
  return PASSED_OVER + behind
}

/** The id in what a caller has seen. */
export function seenId(seen: string | undefined): string | undefined {
  return seen?.slice(0, ID_CHARS)
}

/** The cas behind the id, where its reader knew it and it still counts. */
export function seenCas(seen: string | undefined, { generation }: Counting): string | undefined {
  const [readOn, cas = ''] = seen?.slice(ID_CHARS).split('.') ?? []
  return readOn === `${generation}` || isExplicitCas(cas) ? cas : undefined
}
