import type {
  Clock,
  Invalidation,
  KeptOn,
  Names,
  Reached,
  ServerState,
  StoreEnvironment,
  Timer,
} from 'holdfast/contracts'
import { HeldTags } from './held-tags.ts'
import { NamespaceOnServer } from './namespace-on-server.ts'
import type { PoolRules } from './pool-rules.ts'
import type { PoolServer } from './pool-server.ts'
import type { Ring } from './ring.ts'
import { OPENING_MS, RingGate } from './ring-gate.ts'
import type { RingMembership } from './ring-membership.ts'
import { SaidInRing } from './said-in-ring.ts'

/** What is told of a ring in use; never while it is being made, or after it was left. */
export interface RingEvents {
  /** `isUp` may have changed. */
  changed(): void
  verified(): void
  /** It is not in use yet, for at most so long: these of its servers have not admitted it. */
  waiting(ms: number, notReached: readonly PoolServer[]): void
  heldTags(max: number): readonly string[]
  /** Another ring is in use in its place. */
  displaced(): void
}

/** One namespace on all servers of one ring: who keeps a key, and who must hear of what. */
export class RingInUse {
  readonly ring: Ring
  readonly #rules: PoolRules
  readonly #parts: readonly NamespaceOnServer[]
  readonly #clock: Clock
  readonly #gate: RingGate
  readonly #said: SaidInRing
  #isUp = false
  #opening: Timer | undefined
  #isLeft = false

  constructor(
    name: string,
    ring: Ring,
    membership: RingMembership,
    pool: { readonly environment: StoreEnvironment; readonly rules: PoolRules },
    events: RingEvents,
  ) {
    const { environment, rules } = pool
    const { clock, l2TimeoutMs } = environment
    const { servers, record } = ring
    this.ring = ring
    this.#rules = rules
    this.#clock = clock
    this.#said = new SaidInRing(rules.owedNamesMax, servers.length, clock)
    this.#gate = new RingGate({
      clock,
      l2TimeoutMs,
      servers: servers.length,
      waits: rules.waits,
      looksEveryMs: rules.looksEveryMs,
      opened: () => this.#opened(events),
      waiting: (ms) => {
        const notReached = this.#parts.filter(({ words }) => words === undefined)
        const servers = notReached.map(({ server }) => server)
        events.waiting(ms, servers)
      },
      askAgain: () => {
        for (const part of this.#parts) part.askAgain()
      },
    })
    const alone = servers.length === 1
    const here = { name, epoch: record.epoch, membership, gate: this.#gate, rules, alone }
    const told = {
      changed: () => this.#isLeft || this.#changed(events),
      verified: () => this.#isLeft || events.verified(),
      displaced: () => this.#isLeft || events.displaced(),
    }
    const held = new HeldTags((max) => events.heldTags(max))
    this.#parts = servers.map((server, part) => {
      const confirmed = (askedAtMs: number) => this.#said.confirmed(part, askedAtMs)
      const heldTags = (max: number) => held.for(part, max)
      return new NamespaceOnServer(server, ring.roleOf(part), here, environment, {
        ...told,
        confirmed,
        heldTags,
      })
    })
  }

  /** Whether servers are used. */
  get isUp(): boolean {
    return this.#isUp
  }

  /** What the servers that are used say of themselves, each word once. */
  get facts(): { readonly server: string; readonly version: string } {
    const of = (name: 'server' | 'version') =>
      [...new Set(this.#up.flatMap(({ words }) => (words === undefined ? [] : [words[name]])))].join(', ')
    return { server: of('server'), version: of('version') }
  }

  /** Up to when all that are used have told everything. */
  get verifiedMs(): number {
    return Math.min(...this.#up.map((part) => part.verifiedMs))
  }

  get owed(): number {
    return this.#parts.reduce((sum, part) => sum + part.owed, 0)
  }

  /** Its own server; while that is not used, the one of the gutter that is. */
  partOf(key: string): number {
    const home = this.ring.homeOf(key)
    if (this.#parts[home]?.isUsed === true) return home
    const gutter = this.ring.gutterOf(key)
    return gutter !== undefined && this.#parts[gutter]?.isUsed === true ? gutter : home
  }

  /** How each of its servers stands now. */
  get states(): readonly ServerState[] {
    return this.#parts.map(({ state }) => state)
  }

  /** The server that `partOf` names. */
  serverOf(key: string): KeptOn {
    const [home, part] = [this.at(this.ring.homeOf(key)), this.at(this.partOf(key))]
    return part === home ? home.state : { ...part.state, standsInFor: home.server.island.address }
  }

  at(part: number): NamespaceOnServer {
    const found = this.#parts[part]
    if (found === undefined) throw new RangeError(`the ring has no server ${part}`)
    return found
  }

  /** The gutter's server of a key, always: a process that sees the key's own server does not know who does not. */
  toldToo(key: string): NamespaceOnServer | undefined {
    const gutter = this.#rules.tellsGutter ? this.ring.gutterOf(key) : undefined
    return gutter === undefined ? undefined : this.at(gutter)
  }

  /** Tells, or owes, an invalidation to every server that it concerns, in parallel. */
  async tell(invalidation: Invalidation, by: number): Promise<Reached> {
    this.#said.add(invalidation)
    const told = this.#concerned(invalidation).map(([part, its]) => part.tell(its, by))
    const reached = await Promise.all(told)
    return reached.includes('queued') ? 'queued' : 'applied'
  }

  owe(invalidation: Invalidation): void {
    for (const [part, its] of this.#concerned(invalidation)) part.owe(its)
  }

  /** On every server that may have one of these names: of the keys their own and their gutter's, of tags all. */
  async onHolders(
    { keys, tags }: Names,
    operation: (part: NamespaceOnServer, held: Names) => Promise<void>,
  ): Promise<void> {
    const byHolder = this.#byHolder(keys)
    const holders = tags.length > 0 ? this.#parts : [...byHolder.keys()]
    const work = holders.map((part) => operation(part, { keys: byHolder.get(part) ?? [], tags }))
    // All of them have ended before it is told that one has failed.
    const ended = await Promise.allSettled(work)
    for (const one of ended) if (one.status === 'rejected') throw one.reason
  }

  /** Ends its use; answers what its servers are still owed, and what was told to them when others may have left them. */
  leave(): { readonly owed: readonly Invalidation[]; readonly said: readonly Invalidation[] } {
    this.#isLeft = true
    this.#opening?.cancel()
    this.#gate.close()
    return { owed: this.#parts.flatMap((part) => part.close()), said: this.#said.takeAll() }
  }

  /** Those servers that are not there yet have been waited for. */
  #opened(events: RingEvents): void {
    this.#isUp = this.#up.length > 0
    for (const part of this.#parts) part.opened()
    this.#changed(events)
  }

  #changed(events: RingEvents): void {
    const up = this.#up.length
    const isDecided = up === 0 || up === this.#parts.length
    if (isDecided) {
      this.#opening?.cancel()
      this.#opening = undefined
      this.#isUp = up > 0
    } else if (!this.#isUp) {
      this.#opening ??= this.#clock.after(OPENING_MS, () => {
        this.#isUp = true
        events.changed()
      })
    }
    events.changed()
  }

  get #up(): readonly NamespaceOnServer[] {
    return this.#parts.filter((part) => part.isUp)
  }

  #concerned(invalidation: Invalidation): readonly (readonly [NamespaceOnServer, Invalidation])[] {
    const { kind } = invalidation
    if (kind !== 'keys' && kind !== 'expire-keys') return this.#parts.map((part) => [part, invalidation])
    return Array.from(this.#byHolder(invalidation.names), ([part, names]) => [part, { kind, names }])
  }

  #byHolder(keys: readonly string[]): ReadonlyMap<NamespaceOnServer, readonly string[]> {
    const byHolder = new Map<NamespaceOnServer, string[]>()
    const add = (part: NamespaceOnServer, key: string) => {
      const held = byHolder.get(part)
      if (held === undefined) byHolder.set(part, [key])
      else held.push(key)
    }
    for (const key of keys) {
      add(this.at(this.ring.homeOf(key)), key)
      const gutter = this.toldToo(key)
      if (gutter !== undefined) add(gutter, key)
    }
    return byHolder
  }
}
