import { Acknowledgements, namesOfKey } from './acknowledgements.ts'
import type {
  CommitEvent,
  FillEvent,
  HistoryEvent,
  InvalidateEvent,
  LoadEvent,
  ReadEvent,
  SetEvent,
} from './history-event.ts'
import { VersionTimeline } from './version-timeline.ts'

/** How a version of a key came into the world. */
interface Origin {
  /** Nobody can have seen it before. */
  startMs: number
  /** The latest moment at which a set may have put it into L2; minus infinity: no set did. */
  lastSetEndMs: number
}

/** All that happened to one key. */
export class KeyHistory {
  readonly key: string
  readonly tags: Set<string> = new Set()
  readonly reads: ReadEvent[] = []
  readonly loads: LoadEvent[] = []
  readonly fills: FillEvent[] = []
  readonly sets: SetEvent[] = []
  /** Versions by the end of the commit that wrote them. */
  readonly committed: VersionTimeline = new VersionTimeline()
  readonly #origins = new Map<number, Origin>()
  #names: readonly string[] | undefined
  #lowestVersion = Number.POSITIVE_INFINITY
  #hasPlainSet = false

  constructor(key: string) {
    this.key = key
  }

  /** The names under which invalidations count for it. Ask when all events are in. */
  get names(): readonly string[] {
    this.#names ??= namesOfKey(this.key, this.tags)
    return this.#names
  }

  /** The lowest version a commit or set wrote; what is below was there before the run. */
  get lowestVersion(): number {
    return this.#lowestVersion
  }

  /**
   * Whether L2 keeps this version in order with others. Once a set without a version came (last arrival wins) no
   * version that a set wrote does: a versioned one may follow an old value that replaced a newer one.
   */
  isOrdered(version: number): boolean {
    const lastSetEndMs = this.#origins.get(version)?.lastSetEndMs ?? Number.NEGATIVE_INFINITY
    return !this.#hasPlainSet || lastSetEndMs === Number.NEGATIVE_INFINITY
  }

  origin(version: number): Readonly<Origin> | undefined {
    return this.#origins.get(version)
  }

  addOrigin(event: CommitEvent | SetEvent): void {
    const origin = this.#origins.get(event.version) ?? {
      startMs: Number.POSITIVE_INFINITY,
      lastSetEndMs: Number.NEGATIVE_INFINITY,
    }
    origin.startMs = Math.min(origin.startMs, event.startMs)
    if (event.kind === 'set' && (event.result === 'stored' || event.result === 'unknown')) {
      const endMs = event.result === 'stored' ? event.endMs : Number.POSITIVE_INFINITY
      origin.lastSetEndMs = Math.max(origin.lastSetEndMs, endMs)
      this.#hasPlainSet ||= !event.versioned
    }
    this.#origins.set(event.version, origin)
    this.#lowestVersion = Math.min(this.#lowestVersion, event.version)
  }
}

/** A history sorted into keys and names, in one pass. */
export class HistoryIndex {
  readonly keys: Map<string, KeyHistory> = new Map()
  /** Acknowledged by L2: they bind every process. */
  readonly applied: Acknowledgements = new Acknowledgements()
  /** Whatever may have voided a lease, up to the last moment at which it may have. */
  readonly disturbances: Acknowledgements = new Acknowledgements()
  readonly invalidations: InvalidateEvent[] = []
  readonly #own = new Map<string, Acknowledgements>()

  constructor(events: Iterable<HistoryEvent>) {
    for (const event of events) this.#add(event)
  }

  /** What bind the process that did them: acknowledged ones, and those it queued. */
  ownOf(process: string): Acknowledgements {
    const known = this.#own.get(process)
    if (known !== undefined) return known
    const made = new Acknowledgements()
    this.#own.set(process, made)
    return made
  }

  /** The key's history; an empty one for a key that no event names. */
  key(name: string): KeyHistory {
    const known = this.keys.get(name)
    if (known !== undefined) return known
    const made = new KeyHistory(name)
    this.keys.set(name, made)
    return made
  }

  #add(event: HistoryEvent): void {
    if (event.kind === 'invalidate') {
      this.invalidations.push(event)
      this.#addAcknowledgement(event)
      return
    }
    const history = this.key(event.key)
    for (const tag of event.tags ?? []) history.tags.add(tag)
    switch (event.kind) {
      case 'read':
        history.reads.push(event)
        break
      case 'load':
        history.loads.push(event)
        break
      case 'fill':
        history.fills.push(event)
        break
      case 'set':
        history.sets.push(event)
        history.addOrigin(event)
        this.#addAcknowledgement(event)
        break
      case 'commit':
        history.addOrigin(event)
        if (event.result !== 'unknown') history.committed.add(event.endMs, event.version)
        break
    }
  }

  #addAcknowledgement(event: InvalidateEvent | SetEvent): void {
    const isApplied = event.result === 'applied' || event.result === 'stored'
    if (isApplied) this.applied.add(event)
    if (isApplied || event.result === 'queued') this.ownOf(event.process).add(event)
    this.disturbances.add(event, isApplied ? event.endMs : Number.POSITIVE_INFINITY)
  }
}
