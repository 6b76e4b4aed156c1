import type { Receiver } from '@holdfast/wire'
import type { ReadRequest, Tokens } from 'holdfast/contracts'
import { expirySeconds } from '../client/expiry-seconds.ts'
import { mg } from '../client/meta-command.ts'
import type { MetaKey } from '../client/meta-key.ts'
import type { MetaReply } from '../client/meta-reply.ts'
import type { HeldLeases } from './held-leases.ts'
import type { Place } from './place.ts'
import { type FoundToken, foundToken, TOKEN_FLAGS } from './token-items.ts'
import { lookAtValue, seenId, VALUE_FLAGS } from './value-look.ts'

// A lease that a read wins lasts until `acquire` claims it and `renew` prolongs it.
const READ_LEASE_MS = 1000
// A token that many ask for is waited for as long as the last of them waits, and a little longer.
const SLACK_MS = 100
const NO_TAGS: ReadonlyMap<string, string> = new Map()

/** One question for a token that all reads of a turn share: it stands before each of their values on the wire. */
class TokenRead implements Receiver<MetaReply> {
  readonly borrows = true
  readonly by: number
  found: FoundToken | undefined
  error: unknown

  constructor(by: number) {
    this.by = by
  }

  /** Whether a read with this deadline may share it. */
  serves(by: number): boolean {
    return this.error === undefined && by <= this.by
  }

  reply(reply: MetaReply): void {
    this.found = foundToken(reply)
  }

  fail(error: unknown): void {
    this.error = error
  }
}

/** Questions that are not written yet: whoever reads in the same turn shares them (rule J). */
class Turn {
  written = false
  readonly tokens = new Map<string, TokenRead>()
}

/** Reads of one namespace, one write a turn: each is one command, and one for each token that no other read has asked for. */
export class TickReads {
  readonly #place: Place
  readonly #held: HeldLeases
  readonly #rearm: (key: string, cas: string) => void
  #turn = new Turn()

  /** `rearm`: a lease was won by one who does not load. */
  constructor(place: Place, held: HeldLeases, rearm: (key: string, cas: string) => void) {
    this.#place = place
    this.#held = held
    this.#rearm = rearm
  }

  read(request: ReadRequest, by: number): void {
    const { client, names } = this.#place
    if (this.#turn.written) this.#turn = new Turn()
    const loads = request.intent === 'load'
    const namespace = request.namespace || loads ? this.#ask(names.namespace, by) : undefined
    const epoch = loads ? this.#ask(names.epoch, by) : undefined
    const tags = request.tags.map((tag) => this.#ask(names.of('t', tag), by))
    const reading = new ValueRead(this.#place, request, { namespace, epoch, tags }, this.#held, this.#rearm)
    const lease = loads ? ` N${expirySeconds(READ_LEASE_MS, 0)}` : ''
    client.post(mg(names.of('v', request.key), VALUE_FLAGS + lease), { by, sent: request }, reading)
  }

  #ask(key: MetaKey, by: number): TokenRead {
    const turn = this.#turn
    const asked = turn.tokens.get(key.text)
    if (asked?.serves(by)) return asked
    const { client, clock, timeoutMs } = this.#place
    const read = new TokenRead(Math.max(by, clock.now() + timeoutMs) + SLACK_MS)
    turn.tokens.set(key.text, read)
    client.post(mg(key, TOKEN_FLAGS), { by: read.by, sent: turn }, read)
    return read
  }
}

/** The tokens that a read asks for, in the order of the wire. */
interface AskedTokens {
  readonly namespace: TokenRead | undefined
  readonly epoch: TokenRead | undefined
  readonly tags: readonly TokenRead[]
}

/** One read of a value under way. */
class ValueRead implements Receiver<MetaReply> {
  readonly borrows = true
  readonly #place: Place
  readonly #request: ReadRequest
  readonly #asked: AskedTokens
  readonly #held: HeldLeases
  readonly #rearm: (key: string, cas: string) => void

  constructor(
    place: Place,
    request: ReadRequest,
    asked: AskedTokens,
    held: HeldLeases,
    rearm: (key: string, cas: string) => void,
  ) {
    this.#place = place
    this.#request = request
    this.#asked = asked
    this.#held = held
    this.#rearm = rearm
  }

  reply(reply: MetaReply): void {
    const { key, intent } = this.#request
    const failed = this.#failedToken()
    if (failed !== undefined) {
      this.#request.failed(failed.error)
      return
    }
    const look = lookAtValue(reply, key, this.#place.client.serverNow())
    if (look.state !== 'absent' && look.won) {
      if (intent === 'load') this.#hold(look.cas, look.state === 'value' ? look.entry.seen : undefined)
      // Whoever only looks at a value that is to be loaded over is offered that, too.
      else this.#rearm(key, look.cas)
    }
    this.#request.answered(look.state === 'value' ? look.entry : undefined, this.#tokens())
  }

  fail(error: unknown): void {
    this.#request.failed(error)
  }

  #hold(cas: string, seen: string | undefined): void {
    const { namespace, epoch, tags } = this.#asked
    if (namespace?.found === undefined || epoch?.found === undefined) return
    const found = new Map<string, FoundToken>()
    this.#request.tags.forEach((tag, i) => {
      const read = tags[i]?.found
      if (read !== undefined) found.set(tag, read)
    })
    this.#held.hold({
      key: this.#request.key,
      cas,
      on: seen === undefined ? 'stub' : 'value',
      seen: seenId(seen),
      generation: this.#place.client.generation,
      own: [namespace.found, epoch.found],
      tags: found,
    })
  }

  #failedToken(): TokenRead | undefined {
    const { namespace, epoch, tags } = this.#asked
    return [namespace, epoch, ...tags].find((read) => read?.error !== undefined)
  }

  #tokens(): Tokens {
    const namespace = this.#request.namespace ? this.#asked.namespace?.found?.token : undefined
    if (this.#request.tags.length === 0) return { namespace, epoch: undefined, tags: NO_TAGS }
    const tags = new Map<string, string>()
    this.#request.tags.forEach((tag, i) => {
      const token = this.#asked.tags[i]?.found?.token
      if (token !== undefined) tags.set(tag, token)
    })
    return { namespace, epoch: undefined, tags }
  }
}
