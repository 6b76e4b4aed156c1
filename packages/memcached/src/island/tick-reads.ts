import type { Receiver } from '@holdfast/wire'
import type { ReadRequest, Tokens } from 'holdfast/contracts'
import { expirySeconds } from '../client/expiry-seconds.ts'
import { mg } from '../client/meta-command.ts'
import type { MetaKey } from '../client/meta-key.ts'
import type { MetaReply } from '../client/meta-reply.ts'
import { casFlag, explicitCas } from './explicit-cas.ts'
import { giveBack, giveBackUnheard } from './give-back.ts'
import type { HeldLeases } from './held-leases.ts'
import type { Place } from './place.ts'
import { seenCas, seenId } from './seen.ts'
import { type FoundToken, foundToken, mintingFlags, TOKEN_FLAGS } from './token-items.ts'
import { lookAtValue, VALUE_FLAGS, wonLease } from './value-look.ts'
import type { WonLease } from './won-lease.ts'

// A lease that a read wins lasts until `acquire` claims it and `renew` prolongs it.
const LOAD_FLAGS = `${VALUE_FLAGS} N${expirySeconds(1000, 0)}`
// A token that many ask for is waited for as long as the last of them waits, and a little longer.
const SLACK_MS = 100
const NO_TAGS: ReadonlyMap<string, string> = new Map()
const NONE_ASKED: readonly TokenRead[] = []

/** One question for a token that all reads of a turn share: it stands before each of their values on the wire. */
class TokenRead implements Receiver<MetaReply> {
  readonly borrows = true
  readonly by: number
  found: FoundToken | undefined
  error: unknown
  readonly #mintedLifeMs: number

  constructor(by: number, mintedLifeMs: number) {
    this.by = by
    this.#mintedLifeMs = mintedLifeMs
  }

  /** Whether a read with this deadline may share it. */
  serves(by: number): boolean {
    return this.error === undefined && by <= this.by
  }

  reply(reply: MetaReply): void {
    this.found = foundToken(reply, this.#mintedLifeMs)
  }

  fail(error: unknown): void {
    this.error = error
  }
}

/** Questions that are not written yet: whoever reads in the same turn shares them (rule J). */
class Turn {
  written = false
  namespace: TokenRead | undefined
  epoch: TokenRead | undefined
  readonly tags = new Map<string, TokenRead>()
}

/** Reads of one namespace, one write a turn: each is one command, and one for each token that no other read has asked for. */
export class TickReads {
  readonly #place: Place
  readonly #held: HeldLeases
  #turn = new Turn()

  constructor(place: Place, held: HeldLeases) {
    this.#place = place
    this.#held = held
  }

  read(request: ReadRequest, by: number): void {
    const { client, names } = this.#place
    if (this.#turn.written) this.#turn = new Turn()
    const turn = this.#turn
    const loads = request.intent === 'load'
    // Who is about to load needs every token that is missing.
    if (request.namespace || loads)
      turn.namespace = this.#ask(turn.namespace, names.namespace, by, loads ? 0 : undefined)
    if (loads) turn.epoch = this.#ask(turn.epoch, names.epoch, by, 0)
    const tags = request.tags.length === 0 ? NONE_ASKED : this.#askTags(request, by, loads)
    const value = names.of('v', request.key)
    const chosen = loads ? explicitCas(this.#place) : undefined
    const reading = new ValueRead(this.#place, request, value, chosen, turn, tags, this.#held)
    const flags = (loads ? LOAD_FLAGS : VALUE_FLAGS) + casFlag(chosen) + this.#unless(request)
    client.post(mg(value, flags), { by, sent: request }, reading)
  }

  /** A value that has not changed need not be sent again, where the server knows how to say so. */
  #unless({ known, unchanged }: ReadRequest): string {
    const { client } = this.#place
    if (known === undefined || unchanged === undefined || !client.facts?.hasConditionalGet) return ''
    const cas = seenCas(known, client)
    return cas === undefined ? '' : ` C${cas}`
  }

  #askTags({ tags, tagLifeMs }: ReadRequest, by: number, loads: boolean): TokenRead[] {
    const turn = this.#turn
    const mintLifeMs = loads ? tagLifeMs : undefined
    return tags.map((tag) => {
      const key = this.#place.names.of('t', tag)
      const read = this.#ask(turn.tags.get(tag), key, by, mintLifeMs)
      turn.tags.set(tag, read)
      return read
    })
  }

  /** `mintLifeMs` (0: for ever): what is missing is minted, where that takes no trip of its own. */
  #ask(asked: TokenRead | undefined, key: MetaKey, by: number, mintLifeMs: number | undefined): TokenRead {
    if (asked?.serves(by)) return asked
    const { client, clock, timeoutMs } = this.#place
    const read = new TokenRead(Math.max(by, clock.now() + timeoutMs) + SLACK_MS, mintLifeMs ?? 0)
    const flags = mintLifeMs === undefined ? TOKEN_FLAGS : mintingFlags(this.#place, mintLifeMs)
    client.post(mg(key, flags), { by: read.by, sent: this.#turn }, read)
    return read
  }
}

/** One read of a value under way. */
class ValueRead implements Receiver<MetaReply> {
  readonly borrows = true
  readonly #place: Place
  readonly #request: ReadRequest
  readonly #value: MetaKey
  /** Of the lease that it may win. */
  readonly #chosenCas: string | undefined
  readonly #generation: number
  /** What it asks for stands before it on the wire. */
  readonly #namespace: TokenRead | undefined
  readonly #epoch: TokenRead | undefined
  readonly #tags: readonly TokenRead[]
  readonly #held: HeldLeases

  constructor(
    place: Place,
    request: ReadRequest,
    value: MetaKey,
    chosenCas: string | undefined,
    { namespace, epoch }: Turn,
    tags: readonly TokenRead[],
    held: HeldLeases,
  ) {
    this.#place = place
    this.#request = request
    this.#value = value
    this.#chosenCas = chosenCas
    this.#generation = place.client.generation
    this.#namespace = namespace
    this.#epoch = epoch
    this.#tags = tags
    this.#held = held
  }

  reply(reply: MetaReply): void {
    const { client } = this.#place
    const { key, intent } = this.#request
    const error = this.#namespace?.error ?? this.#epoch?.error ?? this.#tags.find(hasFailed)?.error
    if (reply.code === 'HD' && error === undefined) {
      this.#request.unchanged?.(this.#tokens())
      return
    }
    const look = lookAtValue(reply, key, this.#value, client)
    const entry = look.state === 'value' ? look.entry : undefined
    const won = wonLease(look, key, client)
    if (won !== undefined) {
      if (intent === 'load' && error === undefined) this.#hold(won, seenId(entry?.seen))
      // Whoever only looks at a value that is to be loaded over is offered that, too.
      else giveBack(this.#place, won)
    }
    if (error === undefined) this.#request.answered(entry, this.#tokens())
    else this.#request.failed(error)
  }

  fail(error: unknown): void {
    const { key } = this.#request
    const cas = this.#chosenCas
    if (cas !== undefined) {
      giveBackUnheard(this.#place, { key, cas, on: 'stub', generation: this.#generation }, error)
    }
    this.#request.failed(error)
  }

  /** The lease was granted when its reader had given up. */
  late(reply: MetaReply): void {
    const { client } = this.#place
    const { key } = this.#request
    const won = wonLease(lookAtValue(reply, key, this.#value, client), key, client)
    if (won !== undefined) giveBack(this.#place, won)
  }

  #hold(won: WonLease, seen: string | undefined): void {
    const namespace = this.#namespace?.found
    const epoch = this.#epoch?.found
    if (namespace === undefined || epoch === undefined) return
    const tags = new Map<string, FoundToken>()
    this.#request.tags.forEach((tag, i) => {
      const found = this.#tags[i]?.found
      if (found !== undefined) tags.set(tag, found)
    })
    this.#held.hold({ ...won, seen, own: [namespace, epoch], tags })
  }

  #tokens(): Tokens {
    const namespace = this.#request.namespace ? this.#namespace?.found?.token : undefined
    if (this.#request.tags.length === 0) return { namespace, epoch: undefined, tags: NO_TAGS }
    const tags = new Map<string, string>()
    this.#request.tags.forEach((tag, i) => {
      const token = this.#tags[i]?.found?.token
      if (token !== undefined) tags.set(tag, token)
    })
    return { namespace, epoch: undefined, tags }
  }
}

function hasFailed({ error }: TokenRead): boolean {
  return error !== undefined
}
