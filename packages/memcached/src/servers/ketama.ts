import { md5 } from './md5.ts'
import { oneAtATime } from './one-at-a-time.ts'
import type { ListedServer, Placement } from './placement.ts'

// libmemcached: an average server has 160 points, four from each digest; without weights 100, one from each hash.
const POINTS_PER_SERVER = 160
const POINTS_PER_DIGEST = 4
const POINTS_UNWEIGHTED = 100
// It is left out of the names that points are made from.
const DEFAULT_PORT = 11211

/**
 * The ring of libketama with weights, point by point as libmemcached places keys under
 * MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED: MD5 for points and keys.
 */
export function ketama(servers: readonly ListedServer[]): Placement {
  const points: Point[] = []
  const total = Math.fround(servers.reduce((sum, { weight }) => sum + weight, 0))
  servers.forEach((server, owner) => {
    for (let i = 0; i < digestsOf(server.weight, total, servers.length); i++) {
      for (const at of md5(`${pointName(server)}-${i}`)) points.push({ at, owner })
    }
  })
  return new Ring(points, (key) => md5(key)[0] ?? 0)
}

/** The same without weights, as under MEMCACHED_BEHAVIOR_KETAMA alone: Jenkins' hash for points and keys. */
export function ketamaUnweighted(servers: readonly ListedServer[]): Placement {
  const points: Point[] = []
  servers.forEach((server, owner) => {
    for (let i = 0; i < POINTS_UNWEIGHTED; i++)
      points.push({ at: oneAtATime(`${pointName(server)}-${i}`), owner })
  })
  return new Ring(points, oneAtATime)
}

interface Point {
  readonly at: number
  readonly owner: number
}

/** A key belongs to the first point at or behind its own hash; behind the last one comes the first. */
class Ring implements Placement {
  readonly #at: Uint32Array
  readonly #owners: Uint16Array
  readonly #hash: (key: string) => number

  constructor(points: readonly Point[], hash: (key: string) => number) {
    const sorted = points.toSorted((a, b) => a.at - b.at)
    this.#at = Uint32Array.from(sorted, ({ at }) => at)
    this.#owners = Uint16Array.from(sorted, ({ owner }) => owner)
    this.#hash = hash
  }

  serverOf(key: string): number {
    const hash = this.#hash(key)
    let from = 0
    let to = this.#at.length
    while (from < to) {
      const middle = (from + to) >>> 1
      if ((this.#at[middle] ?? 0) < hash) from = middle + 1
      else to = middle
    }
    return this.#owners[from === this.#at.length ? 0 : from] ?? 0
  }
}

/** A server's share of the digests, in libmemcached's steps, each rounded to a C float: one off moves keys. */
function digestsOf(weight: number, total: number, servers: number): number {
  const share = Math.fround(Math.fround(weight) / total)
  const digests = Math.fround(Math.fround(share * POINTS_PER_SERVER) / POINTS_PER_DIGEST)
  return Math.floor(Math.fround(Math.fround(digests * servers) + 0.0000000001))
}

function pointName({ host, port }: ListedServer): string {
  return port === DEFAULT_PORT ? host : `${host}:${port}`
}
