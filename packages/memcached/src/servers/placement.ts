/** One server of a list. */
export interface ListedServer {
  /** A name, an address, or the path of a unix socket (its port is 0 then). */
  readonly host: string
  readonly port: number
  /** Its share of the keys, beside those of the others. A whole number from 1. */
  readonly weight: number
}

/** Which server of a list keeps a key: the same one in every process that has the same list. */
export interface Placement {
  /** Its index in the list. Cost: about 0.4 µs, no allocation. */
  serverOf(key: string): number
}

/** Where keys are placed: by libmemcached's ketama (weighted: by default, or not), or by rendezvous hashing. */
export type PlacementName = 'ketama' | 'ketama-unweighted' | 'rendezvous'
