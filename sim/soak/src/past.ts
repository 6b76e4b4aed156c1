import type { CommitEvent, HistoryEvent, InvalidateEvent, ReadEvent } from '@holdfast/testkit'
import { Rising } from './rising.ts'

/** What is known of one key. Invalidations are as high as the newest version that was committed before they began. */
interface KeyPast {
  /** Without a gap, from the lowest invalidation that counts. */
  commits: CommitEvent[]
  /** Applied ones, which bind every process. */
  readonly applied: Rising<InvalidateEvent>
  /** Those of each process, applied or queued. */
  readonly own: Map<string, Rising<InvalidateEvent>>
  /** Reads of each process from a tier, and those of all from L2, as high as their versions. */
  readonly seen: Map<string, Rising<ReadEvent>>
}

// Stands beside the names of processes.
const ALL_FROM_L2 = 'all, from L2'

/**
 * What windows of a history that are over still mean for those to come: for each key the few events without which
 * nothing that a later read returns could be judged. Grows with the keys, not with the time. Knows hard invalidations
 * alone; the tags of a key stand on its commits.
 */
export class Past {
  readonly #horizonMs: number
  readonly #keys = new Map<string, KeyPast>()
  readonly #carriers = new Map<string, Set<string>>()

  /** Nothing that ended `horizonMs` before the end of a window can be concurrent with, or excused in, the next one. */
  constructor(horizonMs: number) {
    this.#horizonMs = horizonMs
  }

  /** The events of the past that the keys of this window need to be judged by. */
  before(window: readonly HistoryEvent[]): readonly HistoryEvent[] {
    const names = new Set<string>()
    for (const event of window) if (event.kind !== 'invalidate') names.add(event.key)
    return [...names].flatMap((name) => this.#eventsOf(name))
  }

  /** Takes a window in; `endMs` is its end. Windows come in their order. */
  take(window: readonly HistoryEvent[], endMs: number): void {
    const touched = new Set<KeyPast>()
    const ended = [...window].sort((a, b) => a.endMs - b.endMs)
    for (const event of ended) {
      if (event.kind !== 'commit') continue
      const past = this.#of(event.key)
      past.commits.push(event)
      touched.add(past)
      for (const tag of event.tags ?? []) this.#carry(tag, event.key)
    }
    for (const event of ended) {
      if (event.kind === 'read') touched.add(this.#see(event))
      if (event.kind === 'invalidate') for (const past of this.#told(event)) touched.add(past)
    }
    for (const past of touched) prune(past, endMs - this.#horizonMs)
  }

  /** Whether an invalidation was applied before `ms` that tells every process of a newer version than this one. */
  isTold(key: string, version: number, ms: number): boolean {
    return (this.#keys.get(key)?.applied.heightBefore(ms) ?? 0) > version
  }

  #eventsOf(name: string): readonly HistoryEvent[] {
    const past = this.#keys.get(name)
    if (past === undefined) return []
    const told = new Set([past.applied, ...past.own.values()].flatMap(({ events }) => events))
    const seen = new Set([...past.seen.values()].flatMap(({ events }) => events))
    // As far as this key goes: what else they named is no matter of its past.
    const invalidations = [...told].map(({ tags: _tags, ...event }) => ({ ...event, keys: [name] }))
    return [...past.commits, ...seen, ...invalidations]
  }

  #of(name: string): KeyPast {
    const known = this.#keys.get(name)
    if (known !== undefined) return known
    const made: KeyPast = { commits: [], applied: new Rising(), own: new Map(), seen: new Map() }
    this.#keys.set(name, made)
    return made
  }

  #carry(tag: string, key: string): void {
    const known = this.#carriers.get(tag)
    if (known === undefined) this.#carriers.set(tag, new Set([key]))
    else known.add(key)
  }

  #see(read: ReadEvent): KeyPast {
    const past = this.#of(read.key)
    if (read.source === 'l1' || read.source === 'l2') {
      risingOf(past.seen, read.process).add(read, read.version ?? 0)
      if (read.source === 'l2') risingOf(past.seen, ALL_FROM_L2).add(read, read.version ?? 0)
    }
    return past
  }

  #told(event: InvalidateEvent): readonly KeyPast[] {
    const { keys = [], tags = [], result } = event
    if (result === 'unknown') return []
    const names = new Set([...keys, ...tags.flatMap((tag) => [...(this.#carriers.get(tag) ?? [])])])
    const pasts = [...names].flatMap((name) => this.#keys.get(name) ?? [])
    for (const past of pasts) {
      const floor = newestBefore(past.commits, event.startMs)
      risingOf(past.own, event.process).add(event, floor)
      if (result === 'applied') past.applied.add(event, floor)
    }
    return pasts
  }
}

function newestBefore(commits: readonly CommitEvent[], ms: number): number {
  return commits.reduce((newest, { version, endMs }) => (endMs < ms ? Math.max(newest, version) : newest), 0)
}

function risingOf<E extends { readonly endMs: number }>(
  map: Map<string, Rising<E>>,
  name: string,
): Rising<E> {
  const known = map.get(name)
  if (known !== undefined) return known
  const made = new Rising<E>()
  map.set(name, made)
  return made
}

function prune(past: KeyPast, beforeMs: number): void {
  for (const seen of past.seen.values()) seen.prune(beforeMs, 0)
  past.applied.prune(beforeMs, 0)
  // What everyone was told long ago binds whoever it was that told it, too.
  const settled = past.applied.heightBefore(beforeMs)
  for (const own of past.own.values()) own.prune(beforeMs, settled)
  const lowest = Math.min(past.applied.lowest, ...[...past.own.values()].map((own) => own.lowest))
  if (lowest !== Number.POSITIVE_INFINITY)
    past.commits = past.commits.filter(({ version }) => version >= lowest)
}
