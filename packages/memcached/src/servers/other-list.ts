import { show } from 'holdfast/contracts'
import { nameSome } from './name-some.ts'
import type { RingRecord } from './ring-record.ts'

/**
 * How the list of servers that is in use differs from ours, and what ends that, as part of a line. What a record says
 * is anybody's who can write into the cache: it is shown as text, and no more of it than a line holds.
 */
export function describeOtherList(ours: RingRecord, theirs: RingRecord | undefined): string {
  const mend = 'every process needs the same servers, named alike, weights, placement and gutter'
  if (theirs === undefined) return mend
  if (ours.version > 0 && theirs.version > ours.version)
    return `it is number ${theirs.version}, and ours ${ours.version}, which is asked for again`
  const [more, fewer] = [beside(theirs, ours), beside(ours, theirs)]
  if (more.length + fewer.length === 0)
    return `of the same servers: weights, placement or gutter differ; ${mend}`
  return [...named('it has', more), ...named('ours has', fewer), mend].join('; ')
}

/** Servers of the one that the other does not have. */
function beside({ servers }: RingRecord, other: RingRecord): readonly string[] {
  const known = new Set(other.servers)
  return servers.filter((server) => !known.has(server))
}

function named(whose: string, servers: readonly string[]): readonly string[] {
  if (servers.length === 0) return []
  return [`${whose} ${nameSome(servers.map((server) => show(server).slice(1, -1)))}`]
}
