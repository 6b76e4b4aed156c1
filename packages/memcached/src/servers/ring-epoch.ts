import { createHash } from 'node:crypto'
import type { ListedServer, PlacementName } from './placement.ts'

/** What decides where keys are. */
export interface RingDescription {
  readonly servers: readonly ListedServer[]
  readonly placement: PlacementName
  readonly gutter: readonly ListedServer[]
  /** Of the list, where its source numbers it: a list that comes back is another one. */
  readonly version: number | undefined
}

// 48 bits: two of a million lists meet with a chance of 1 in 500.
const EPOCH_CHARS = 8

/** The same for all who place keys in the same way, and for no others; in which order the servers are listed is the same. */
export function ringEpoch({ servers, placement, gutter, version }: RingDescription): string {
  const text = JSON.stringify([placement, version ?? null, described(servers), described(gutter)])
  return createHash('sha256').update(text).digest('base64url').slice(0, EPOCH_CHARS)
}

function described(servers: readonly ListedServer[]): readonly unknown[] {
  return sortedServers(servers).map(({ host, port, weight }) => [host, port, weight])
}

/** In the order in which every process has them. */
export function sortedServers(servers: readonly ListedServer[]): readonly ListedServer[] {
  const text = ({ host, port }: ListedServer) => `${host}:${port}`
  return servers.toSorted((a, b) => (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0))
}
