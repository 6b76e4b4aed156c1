import type { ServerState } from 'holdfast/contracts'
import type { Placement } from './placement.ts'
import type { PoolServer } from './pool-server.ts'
import type { RingRecord } from './ring-record.ts'

/** The servers in use, and where each key belongs. Parts are numbered: first those of the list, then the gutter's. */
export class Ring {
  /** Its epoch is set before every name: what was stored by another list, or placed otherwise, is never read by this. */
  readonly record: RingRecord
  readonly servers: readonly PoolServer[]
  readonly #placement: Placement
  readonly #gutter: Placement | undefined
  readonly #listed: number
  #lastKey = ''
  #lastHome: number

  constructor(
    record: RingRecord,
    listed: { readonly servers: readonly PoolServer[]; readonly placement: Placement },
    gutter: { readonly servers: readonly PoolServer[]; readonly placement: Placement } | undefined,
  ) {
    this.record = record
    this.servers = gutter === undefined ? listed.servers : [...listed.servers, ...gutter.servers]
    this.#placement = listed.placement
    this.#gutter = gutter?.placement
    this.#listed = listed.servers.length
    this.#lastHome = this.#placement.serverOf('')
  }

  /** What a server is to the ring, where it is none of its list. */
  roleOf(server: number): ServerState['role'] {
    return server < this.#listed ? undefined : 'gutter'
  }

  /** The server that keeps this key. */
  homeOf(key: string): number {
    if (this.#listed === 1) return 0
    // A cache asks for the part of a key, and then for the key.
    if (key !== this.#lastKey) {
      this.#lastHome = this.#placement.serverOf(key)
      this.#lastKey = key
    }
    return this.#lastHome
  }

  /** The server that takes the loads of this key while its own is away; undefined: there is no gutter. */
  gutterOf(key: string): number | undefined {
    return this.#gutter === undefined ? undefined : this.#listed + this.#gutter.serverOf(key)
  }
}
