/** Rules of protocol.md that the store of one server keeps, each a predicate: the race checks replace one by "always". */
export interface IslandRules {
  /** C: a lease is void if its connection is not the one that granted it. */
  mayFill(grantedOn: number, generation: number): boolean
}

export const islandRules: IslandRules = {
  mayFill: (grantedOn, generation) => grantedOn === generation,
}
