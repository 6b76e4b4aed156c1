import { md5 } from './md5.ts'
import type { ListedServer, Placement } from './placement.ts'

/**
 * Weighted rendezvous hashing (highest random weight): each server draws a number for the key, and the one with the best
 * draw keeps it. Shares are those of the weights, without the spread of a ring; a key is only ever moved to a server
 * that is new, or from one that is gone. Cost: one MD5, and a few multiplications a server.
 */
export function rendezvous(servers: readonly ListedServer[]): Placement {
  return new Rendezvous(servers)
}

class Rendezvous implements Placement {
  readonly #seeds: readonly number[]
  readonly #weights: readonly number[]

  constructor(servers: readonly ListedServer[]) {
    this.#seeds = servers.map(({ host, port }) => md5(`${host}:${port}`)[0] ?? 0)
    this.#weights = servers.map(({ weight }) => weight)
  }

  serverOf(key: string): number {
    const [low = 0, high = 0] = md5(key)
    let best = 0
    let bestDraw = Number.POSITIVE_INFINITY
    for (let i = 0; i < this.#seeds.length; i++) {
      // An exponential variable of this rate: the least of several is each one's with a chance of its share.
      const draw = -Math.log(uniform(low, high, this.#seeds[i] ?? 0)) / (this.#weights[i] ?? 1)
      if (draw < bestDraw) {
        bestDraw = draw
        best = i
      }
    }
    return best
  }
}

/** In (0, 1), from a key's and a server's hash: the finalizer of MurmurHash3 over both. */
function uniform(low: number, high: number, seed: number): number {
  let mixed = low ^ seed
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) ^ high
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (((mixed ^ (mixed >>> 16)) >>> 0) + 0.5) / 2 ** 32
}
