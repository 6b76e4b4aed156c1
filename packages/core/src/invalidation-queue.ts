/** What an invalidation asks of L2, or of a part of it. */
export type Invalidation =
  | { readonly kind: 'keys' | 'expire-keys'; readonly names: readonly string[] }
  | { readonly kind: 'tags' | 'expire-tags'; readonly names: readonly string[] }
  | { readonly kind: 'clear' }

/**
 * Rule Q: invalidations that L2, or one of its parts, has not acknowledged. While there is one, this process neither
 * reads nor fills it: they are replayed before it is used again. Bounded: beyond `namesMax` names the whole namespace
 * is cleared instead.
 */
export class InvalidationQueue {
  readonly #namesMax: number
  #keys = new Map<string, 'keys' | 'expire-keys'>()
  #tags = new Map<string, 'tags' | 'expire-tags'>()
  #clear = false
  /** Sent by a replay and not acknowledged yet: owed all the same. */
  #sent = 0
  #onTheirWay: readonly Invalidation[] = []

  constructor(namesMax: number) {
    this.#namesMax = namesMax
  }

  /** Names (and at most one clear) that L2 has not acknowledged, those of a replay on its way included. */
  get size(): number {
    return this.#unsent + this.#sent
  }

  get #unsent(): number {
    return this.#keys.size + this.#tags.size + (this.#clear ? 1 : 0)
  }

  add(invalidation: Invalidation): void {
    if (invalidation.kind === 'clear') this.#clear = true
    else if (invalidation.kind === 'keys' || invalidation.kind === 'expire-keys') {
      for (const name of invalidation.names) {
        if (this.#keys.get(name) !== 'keys') this.#keys.set(name, invalidation.kind)
      }
    } else {
      for (const name of invalidation.names) {
        if (this.#tags.get(name) !== 'tags') this.#tags.set(name, invalidation.kind)
      }
    }
    if (this.#keys.size + this.#tags.size > this.#namesMax) this.#clear = true
    if (this.#clear) {
      this.#keys.clear()
      this.#tags.clear()
    }
  }

  /**
   * Applies everything queued; resolves when the queue is empty. What fails stays queued and the error is thrown.
   * What is added meanwhile is applied too.
   */
  async replay(apply: (owed: Invalidation) => Promise<unknown>): Promise<void> {
    while (this.#unsent > 0) {
      this.#sent = this.#unsent
      const sent = this.#takeUnsent()
      this.#onTheirWay = sent
      try {
        await Promise.all(sent.map((batch) => apply(batch)))
      } catch (error) {
        for (const batch of sent) this.add(batch)
        throw error
      } finally {
        this.#sent = 0
        this.#onTheirWay = []
      }
    }
  }

  /** All that is owed, and no longer here: whoever takes it has somebody else to tell. */
  takeAll(): readonly Invalidation[] {
    return [...this.#onTheirWay, ...this.#takeUnsent()]
  }

  #takeUnsent(): readonly Invalidation[] {
    const taken = this.#clear ? [{ kind: 'clear' } as const] : batches(this.#keys, this.#tags)
    this.#clear = false
    this.#keys = new Map()
    this.#tags = new Map()
    return taken
  }
}

// Names of one replayed command. A script that reads costs the square of its names (each read registers all of them):
// marking 100 entries as stale takes a server 2 ms, 500 at once would take it 20.
const BATCH_NAMES_MAX = 100

function batches(
  keys: ReadonlyMap<string, 'keys' | 'expire-keys'>,
  tags: ReadonlyMap<string, 'tags' | 'expire-tags'>,
): Invalidation[] {
  const made: Invalidation[] = []
  for (const kind of ['keys', 'expire-keys', 'tags', 'expire-tags'] as const) {
    const names = [...keys, ...tags].filter(([, wanted]) => wanted === kind).map(([name]) => name)
    for (let i = 0; i < names.length; i += BATCH_NAMES_MAX)
      made.push({ kind, names: names.slice(i, i + BATCH_NAMES_MAX) })
  }
  return made
}
