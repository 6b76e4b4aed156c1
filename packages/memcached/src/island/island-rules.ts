/** Rules of protocol.md that the store of one server keeps, each a predicate: the race checks replace one by another. */
export interface IslandRules {
  /** C: a lease is void if its connection is not the one that granted it. */
  mayFill(grantedOn: number, generation: number): boolean
  /** Whether this process chooses the cas of what it writes, by whether the server lets it (`E`): without it, it counts. */
  choosesCas(hasExplicitCas: boolean): boolean
}

export const islandRules: IslandRules = {
  mayFill: (grantedOn, generation) => grantedOn === generation,
  choosesCas: (hasExplicitCas) => hasExplicitCas,
}
