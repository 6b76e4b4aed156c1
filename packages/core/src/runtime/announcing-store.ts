import type { BusLink } from '../bus/bus-link.ts'
import type { Change } from '../bus/frame.ts'
import type {
  Breaker,
  Clock,
  Invalidation,
  Names,
  NamespaceStore,
  PutReply,
  PutRequest,
  Reached,
  Token,
} from '../contracts.ts'
import { CountedStore } from './counted-store.ts'

/** How far an invalidation has come: in the store, and among the other processes. */
export interface Told {
  readonly reached: Reached
  readonly told: Reached
}

/**
 * A namespace of a store, of whose changes other processes hear on the bus: behind the store's acknowledgement, so that
 * whoever asks it because of them finds what they are about (rule B), and before the caller's (rule A). Fills are not told
 * of: they bring back nothing that an invalidation took. One more round trip, to the bus, for each of the others.
 */
export class AnnouncingStore extends CountedStore {
  readonly #bus: BusLink
  readonly #namespace: string
  /** A part of the store is owed what everybody was told of already. */
  #isOwing = false

  constructor(store: NamespaceStore, breaker: Breaker, clock: Clock, bus: BusLink, namespace: string) {
    super(store, breaker, clock)
    this.#bus = bus
    this.#namespace = namespace
  }

  override async apply(invalidation: Invalidation, by: number): Promise<Reached> {
    return worst(await this.tell(invalidation, by))
  }

  /** `apply`, which answers who has it. */
  async tell(invalidation: Invalidation, by: number): Promise<Told> {
    const change = this.#changeOf(invalidation)
    const isBehind = this.#bus.rules.tellsBehindL2()
    const ahead = isBehind ? undefined : await this.#bus.announce(change, by)
    const reached = this.#noted(await super.apply(invalidation, by))
    return { reached, told: ahead ?? (await this.#bus.announce(change, by)) }
  }

  override async put(request: PutRequest, by: number): Promise<PutReply> {
    const reply = await super.put(request, by)
    if (reply.outcome !== 'stored') return reply
    const told = await this.#bus.announce(this.#changeOf({ kind: 'keys', names: [request.key] }), by)
    return { ...reply, reached: worst({ reached: this.#noted(reply.reached ?? 'applied'), told }) }
  }

  override async quarantine(names: Names, token: Token, lifeMs: number, by: number): Promise<void> {
    await super.quarantine(names, token, lifeMs, by)
    // Not waited for: what the write is about is told of when it is done, and if nobody is left to do that, the silence is.
    for (const kind of ['keys', 'tags'] as const) {
      if (names[kind].length > 0) void this.#bus.announce(this.#changeOf({ kind, names: names[kind] }), by)
    }
  }

  /** Others may still read what a part holds, and keep it: when it has been told, they let go of it. */
  #noted(reached: Reached): Reached {
    if (reached === 'queued' && !this.#isOwing) {
      this.#isOwing = true
      this.#bus.owe(() => {
        if (this.owed > 0) return false
        this.#isOwing = false
        return true
      })
    }
    return reached
  }

  #changeOf(invalidation: Invalidation): Change {
    const namespace = this.#namespace
    if (invalidation.kind === 'clear') return { kind: 'namespace', namespace }
    const { kind, names } = invalidation
    return { kind: kind === 'tags' || kind === 'expire-tags' ? 'tags' : 'keys', namespace, names }
  }
}

function worst({ reached, told }: Told): Reached {
  return told === 'queued' ? told : reached
}
