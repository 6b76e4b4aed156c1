import { manualClock } from '../../manual-clock.ts'
import type { HistoryEvent, ReadEvent, SetEvent } from '../history-event.ts'
import type { NewEvent } from '../record-history.ts'

/** What a run of the tiny cache leaves. */
export interface TinyRun {
  readonly events: HistoryEvent[]
  readonly sweep: ReadEvent[]
}

interface Entry {
  readonly version: number
  readonly token: string
  soft: boolean
}

interface Push {
  readonly atMs: number
  readonly key: string
}

/** One process: its own L1, the pushes on their way to it, and the keys it must not take from L2. */
interface Node {
  readonly name: string
  readonly l1: Map<string, Entry>
  pushes: Push[]
  readonly fenced: Map<string, number>
}

type Steps = Generator<undefined, void, undefined>

const KEYS: Readonly<Record<string, readonly string[]>> = { k0: ['t'], k1: ['t'], k2: [] }
const KEY_NAMES = Object.keys(KEYS)
const LEASE_MS = 60
const ATTEMPTS_MAX = 40
const RUNNING_MAX = 6

/**
 * A correct cache in small, to make valid histories for the tests of the checker: the protocol's leases, tag
 * tokens, pushes and fences, three processes, and a seeded scheduler that takes one step of one operation a
 * millisecond. `deltaMs` is the longest time a push takes.
 */
export class TinyCache {
  readonly #events: HistoryEvent[] = []
  readonly #random: () => number
  readonly #deltaMs: number
  readonly #nodes: readonly Node[]
  readonly #db = new Map<string, number>()
  readonly #l2 = new Map<string, Entry>()
  readonly #leases = new Map<string, { readonly token: string; readonly untilMs: number }>()
  #generation = { namespace: 0, t: 0, lease: 0 }
  #nowMs = 0

  constructor(seed: number, deltaMs: number) {
    const clock = manualClock({ seed })
    this.#random = () => clock.random()
    this.#deltaMs = deltaMs
    this.#nodes = ['a', 'b', 'c'].map((name) => ({ name, l1: new Map(), pushes: [], fenced: new Map() }))
  }

  /** Runs that many operations to their end, then reads every tier. */
  run(operations: number): TinyRun {
    const running: Steps[] = []
    for (let started = 0; started < operations || running.length > 0; ) {
      if (started < operations && running.length < RUNNING_MAX && this.#chance(0.4)) {
        started++
        running.push(this.#operation())
      }
      const at = Math.floor(this.#random() * running.length)
      this.#nowMs++
      if (running[at]?.next().done) running.splice(at, 1)
    }
    return { events: this.#events, sweep: this.#sweep() }
  }

  #operation(): Steps {
    const node = this.#pick(this.#nodes)
    const key = this.#pick(KEY_NAMES)
    return this.#chance(0.75) ? this.#read(node, key) : this.#write(node, key)
  }

  *#read(node: Node, key: string): Steps {
    const startMs = this.#now()
    const done = (source: 'l1' | 'l2' | 'loader' | 'stale', version: number): void =>
      this.#add(node, {
        kind: 'read',
        ...this.#of(key),
        startMs,
        endMs: this.#now(),
        source,
        version,
        valueKey: key,
      })
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      yield
      const held = this.#l1(node, key)
      if (held !== undefined) return done('l1', held.version)
      yield
      if (node.fenced.has(key)) return done('loader', this.#db.get(key) ?? 0)
      const found = this.#found(key)
      if (found !== undefined && !found.soft) {
        node.l1.set(key, found)
        yield
        return done('l2', found.version)
      }
      if (found?.soft && this.#chance(0.5)) return done('stale', found.version)
      const loaded = yield* this.#load(node, key, found)
      if (loaded !== undefined) return done('loader', loaded)
    }
  }

  /** Undefined: another one loads, or the value may not be given to this call. */
  *#load(
    node: Node,
    key: string,
    seen: Entry | undefined,
  ): Generator<undefined, number | undefined, undefined> {
    const startMs = this.#now()
    yield
    const lease = this.#leases.get(key)
    if ((lease !== undefined && lease.untilMs > this.#nowMs) || this.#found(key) !== seen) return undefined
    const token = `lease ${++this.#generation.lease}`
    this.#leases.set(key, { token, untilMs: this.#nowMs + LEASE_MS })
    const captured = this.#token(key)
    yield
    const grantedMs = this.#now()
    for (let steps = this.#random() * 4; steps > 0; steps--) yield
    const version = this.#db.get(key) ?? 0
    for (let steps = this.#random() * 4; steps > 0; steps--) yield
    const endMs = this.#now()
    const leasedUntilMs = startMs + LEASE_MS
    this.#add(node, {
      kind: 'load',
      ...this.#of(key),
      startMs,
      grantedMs,
      endMs,
      leasedUntilMs,
      token,
      version,
    })
    const isUsable = yield* this.#fill(node, key, token, { version, token: captured, soft: false })
    // A call may take what a load that began after it read, stored or not.
    return isUsable || this.#chance(0.3) ? version : undefined
  }

  *#fill(node: Node, key: string, token: string, entry: Entry): Generator<undefined, boolean, undefined> {
    const startMs = this.#now()
    yield
    const lease = this.#leases.get(key)
    const isHeld = lease?.token === token && lease.untilMs > this.#nowMs && !node.fenced.has(key)
    const isCurrent = entry.token === this.#token(key)
    if (isHeld) {
      this.#leases.delete(key)
      this.#l2.set(key, entry)
      if (isCurrent) node.l1.set(key, entry)
    }
    yield
    const result = isHeld ? 'stored' : 'refused'
    const { version } = entry
    this.#add(node, { kind: 'fill', ...this.#of(key), startMs, endMs: this.#now(), token, version, result })
    return isHeld && isCurrent
  }

  *#write(node: Node, key: string): Steps {
    const startMs = this.#now()
    yield
    const version = (this.#db.get(key) ?? 0) + 1
    this.#db.set(key, version)
    yield
    this.#add(node, { kind: 'commit', ...this.#of(key), startMs, endMs: this.#now(), version })
    yield
    const die = this.#random()
    if (die < 0.5) yield* this.#invalidate(node, { keys: [key] }, [key])
    else if (die < 0.6) yield* this.#invalidate(node, { keys: [key], soft: true }, [key])
    else if (die < 0.7 && KEYS[key]?.length) yield* this.#invalidate(node, { tags: ['t'] }, ['k0', 'k1'])
    else if (die < 0.75) yield* this.#invalidate(node, { everything: true }, KEY_NAMES)
    else yield* this.#set(node, key, version, die < 0.88)
  }

  *#invalidate(
    node: Node,
    names: {
      readonly keys?: string[]
      readonly tags?: string[]
      readonly everything?: true
      readonly soft?: true
    },
    keys: readonly string[],
  ): Steps {
    const startMs = this.#now()
    for (const key of keys) node.l1.delete(key)
    yield
    const isEarly = this.#chance(0.2)
    const result = isEarly ? this.#pick(['queued', 'unknown'] as const) : 'applied'
    const event = { kind: 'invalidate', ...names, startMs, result } as const
    if (isEarly) {
      // Told to the caller before it takes effect; a queued one is fenced in this process meanwhile.
      if (result === 'queued') this.#fence(node, keys, 1)
      this.#add(node, { ...event, endMs: this.#now() })
      for (let steps = this.#random() * 10; steps > 0; steps--) yield
    }
    this.#apply(names, keys)
    for (const key of keys) this.#push(node, key)
    if (result === 'queued') this.#fence(node, keys, -1)
    yield
    if (!isEarly) this.#add(node, { ...event, endMs: this.#now() })
  }

  #apply(
    names: { readonly tags?: string[]; readonly everything?: true; readonly soft?: true },
    keys: readonly string[],
  ): void {
    if (names.tags !== undefined) this.#generation.t++
    else if (names.everything) this.#generation.namespace++
    else {
      for (const key of keys) {
        this.#leases.delete(key)
        const entry = this.#l2.get(key)
        if (!names.soft) this.#l2.delete(key)
        // Another object: what L1 holds is told by the push.
        else if (entry !== undefined) this.#l2.set(key, { ...entry, soft: true })
      }
    }
  }

  *#set(node: Node, key: string, version: number, versioned: boolean): Steps {
    const startMs = this.#now()
    node.l1.delete(key)
    yield
    const found = this.#found(key)
    const isStored = !versioned || (found !== undefined && found.version < version)
    if (isStored) this.#l2.set(key, { version, token: this.#token(key), soft: false })
    if (isStored || found === undefined) this.#leases.delete(key)
    this.#push(node, key)
    yield
    const result: SetEvent['result'] = isStored ? 'stored' : 'older'
    this.#add(node, {
      kind: 'set',
      ...this.#of(key),
      startMs,
      endMs: this.#now(),
      version,
      versioned,
      result,
    })
  }

  /** What a node's L1 still holds after the pushes that have come by now. */
  #l1(node: Node, key: string): Entry | undefined {
    for (const push of node.pushes) if (push.atMs <= this.#nowMs) node.l1.delete(push.key)
    node.pushes = node.pushes.filter((push) => push.atMs > this.#nowMs)
    return node.l1.get(key)
  }

  #push(from: Node, key: string): void {
    from.l1.delete(key)
    for (const node of this.#nodes) {
      node.pushes.push({ key, atMs: this.#nowMs + Math.floor(this.#random() * (this.#deltaMs + 1)) })
      this.#l1(node, key)
    }
  }

  #fence(node: Node, keys: readonly string[], by: 1 | -1): void {
    for (const key of keys) {
      const count = (node.fenced.get(key) ?? 0) + by
      if (count > 0) node.fenced.set(key, count)
      else node.fenced.delete(key)
      node.l1.delete(key)
    }
  }

  #found(key: string): Entry | undefined {
    const entry = this.#l2.get(key)
    return entry?.token === this.#token(key) ? entry : undefined
  }

  #token(key: string): string {
    return `${this.#generation.namespace}/${KEYS[key]?.length ? this.#generation.t : ''}`
  }

  #sweep(): ReadEvent[] {
    const reads: ReadEvent[] = []
    this.#nowMs += this.#deltaMs
    for (const key of KEY_NAMES) {
      for (const node of this.#nodes) {
        const tiers = [
          ['l1', this.#l1(node, key)],
          ['l2', this.#found(key)],
        ] as const
        for (const [tier, entry] of tiers) {
          if (entry === undefined) continue
          const [startMs, endMs] = [this.#now(), this.#now()]
          const source = entry.soft ? 'stale' : tier
          reads.push({
            kind: 'read',
            process: node.name,
            key,
            startMs,
            endMs,
            source,
            version: entry.version,
          })
        }
      }
    }
    return reads
  }

  #of(key: string): { readonly key: string; readonly tags: readonly string[] } {
    return { key, tags: KEYS[key] ?? [] }
  }

  #add(node: Node, event: NewEvent): void {
    this.#events.push({ process: node.name, ...event })
  }

  /** Every moment that is written down is another one. */
  #now(): number {
    return ++this.#nowMs
  }

  #chance(share: number): boolean {
    return this.#random() < share
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.#random() * items.length)]
    if (item === undefined) throw new Error('picked from nothing')
    return item
  }
}
