/** The rules of a pool, so that a check can replace one. */
export interface PoolRules {
  /** Q, server by server: one that is owed an invalidation is neither read nor filled. */
  mayUse(owed: number): boolean
  /** What a server cannot be told now is owed to it. */
  readonly remembers: boolean
  /** Whoever invalidates a key tells its own server and its gutter's, whichever he sees. */
  readonly tellsGutter: boolean
  /**
   * How long a value lives in the gutter: ten seconds, with the one that Memcached's clock needs. It is there because a
   * process does not see its own server, and nothing but what is told to the gutter ends it before.
   */
  readonly gutterMs: number
  /** Names owed to one server before the namespace is cleared there instead: about 10 MB at the longest names. */
  readonly owedNamesMax: number
  /** A ring that takes the place of another seals it first. */
  readonly seals: boolean
  /** A ring is not used before nobody can be using another one. */
  readonly waits: boolean
  /**
   * Each process tells the servers of its ring so often that it is still in use, and hears whether it is: how long one that
   * asks for nothing else may overlook that another ring has taken its place. All must have the same.
   */
  readonly looksEveryMs: number
  /** Whoever finds his ring sealed, or the record of another, uses it no more. */
  readonly heedsSeal: boolean
  /** Whoever enters another ring tells it again what others may have missed because they had left his. */
  readonly retells: boolean
}

export const poolRules: PoolRules = {
  mayUse: (owed) => owed === 0,
  remembers: true,
  tellsGutter: true,
  gutterMs: 9_000,
  owedNamesMax: 10_000,
  seals: true,
  waits: true,
  looksEveryMs: 2_000,
  heedsSeal: true,
  retells: true,
}
