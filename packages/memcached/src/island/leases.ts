import {
  type Acquired,
  type AcquireRequest,
  encodeEntry,
  type Filled,
  type FillRequest,
  type Token,
} from 'holdfast/contracts'
import { expirySeconds } from '../client/expiry-seconds.ts'
import { md, mg, ms } from '../client/meta-command.ts'
import type { MetaReply } from '../client/meta-reply.ts'
import { casFlag, explicitCas, isExplicitCas } from './explicit-cas.ts'
import { giveBack, giveBackUnheard, givingBack, offer } from './give-back.ts'
import { type HeldLease, type HeldLeases, tokensOf } from './held-leases.ts'
import { noRoom } from './no-room.ts'
import type { Place } from './place.ts'
import type { Quarantines } from './quarantines.ts'
import { seenCas, seenId } from './seen.ts'
import { SignsOfLife } from './signs-of-life.ts'
import { FoundTokens } from './token-items.ts'
import { LEASE_FLAG, lookAtValue, VALUE_FLAGS, type ValueLook, wonLease } from './value-look.ts'
import type { WonLease } from './won-lease.ts'

/**
 * A lease that this process has won. It has three names: the token of its load, by which this process knows it and nobody
 * else does; the cas, by which the server does; and what others who find it in their way call it (`holder`), which has to
 * stay when the cas changes: the first cas of a stub, the id of the value of one on a value.
 */
interface Lease extends Omit<WonLease, 'cas'> {
  /** The cas that it was won with, which a stub that is renewed keeps as its value. */
  readonly name: string
  /** The item's cas of now, by which it is filled and given back; undefined: a renewal got no answer. */
  cas: string | undefined
  renewing: Promise<unknown> | undefined
  /**
   * Of one that a read has won, which is granted before its quarantines are known. They are asked for behind the caller:
   * whatever was set before is found then, and voids the lease before this is settled, which fill and release wait for.
   * What is set later removes the item that the lease is (`md v`), and that of a tag is found by the fill, which asks once
   * more. undefined: they were known.
   */
  readonly checked: Promise<unknown> | undefined
}

// Another process may come first each time that this one is about to load over a value.
const ATTEMPTS_MAX = 4

/**
 * Who may load: protocol 4.4. A lease on nothing is an empty item, made by the `mg … N` that wins it. A lease on a value is
 * the server's mark on it (X), whose winner (W) is told once: `md … I` with the value's cas offers it. Either way the lease
 * is the item's cas, which every fill, put, invalidation and expiry changes.
 */
export class Leases {
  readonly #place: Place
  readonly #quarantines: Quarantines
  readonly #held: HeldLeases
  readonly #signs: SignsOfLife
  /** By the token of the load. Bounded by the loads under way. */
  readonly #leases = new Map<Token, Lease>()

  constructor(place: Place, quarantines: Quarantines, held: HeldLeases) {
    this.#place = place
    this.#quarantines = quarantines
    this.#held = held
    this.#signs = new SignsOfLife(place)
  }

  /** Loads under way that have won. */
  get underWay(): number {
    return this.#leases.size
  }

  /** No trip where a read has won the lease and found all tokens; else one, and one more where tokens are minted. */
  async acquire(request: AcquireRequest, by: number): Promise<Acquired> {
    const { key, leaseMs } = request
    const known = seenId(request.seen)
    const held = this.#held.claim(key, known)
    if (held?.generation === this.#place.client.generation) return await this.#claim(held, request, by)
    let cas = seenCas(request.seen, this.#place.client)
    for (let attempt = 1; ; attempt++) {
      const { generation } = this.#place.client
      const { look, found, isQuarantined } = await this.#ask(request, cas, by)
      const { tokens } = found
      if (look.state === 'absent') throw noRoom(this.#place, key)
      const isKnown = look.state === 'lease' || seenId(look.entry.seen) === known
      const won = wonLease(look, key, { generation })
      if (won !== undefined) {
        if (isKnown && !isQuarantined) return await this.#mintAndGrant(won, request, found, by)
        giveBack(this.#place, won)
      }
      if (isQuarantined) return { state: 'quarantined', tokens }
      if (look.state === 'lease') return { state: 'busy', holder: look.name, tokens }
      if (!isKnown) return { state: 'found', entry: look.entry, tokens }
      const mayOffer = !look.leased || (await this.#signs.isDead(key, look.cas, leaseMs, by))
      // By the value that it is on: the cas changes with whoever only looks, wins what is on offer, and gives it back.
      const holder = seenId(look.entry.seen)
      if (!mayOffer || attempt === ATTEMPTS_MAX) return { state: 'busy', holder, tokens }
      cas = look.cas
    }
  }

  /** One trip. */
  async renew(key: string, token: Token, leaseMs: number, by: number): Promise<boolean> {
    const lease = this.#live(key, token)
    if (lease === undefined) return false
    const renewing = this.#prolong(lease, leaseMs, by)
    lease.renewing = renewing
    const isHeld = await renewing.finally(() => {
      lease.renewing = undefined
    })
    if (!isHeld) this.#leases.delete(token)
    // It may have been voided meanwhile.
    return isHeld && this.#leases.get(token) === lease
  }

  /** One trip, and another where the quarantine of a tag came between load and fill. */
  async fill({ key, token, entry }: FillRequest, by: number): Promise<Filled> {
    const { client, names } = this.#place
    const tags = entry.tags.map((tag) => tag.name)
    const found = new FoundTokens(this.#place, tags)
    const asked = found.ask()
    const lease = await this.#settled(key, token, by)
    if (lease === undefined) {
      found.learn(await client.sendAll(asked, { by }))
      return { stored: false, tokens: found.tokens }
    }
    const value = names.of('v', key)
    const serverNow = client.serverNow()
    const life = expirySeconds(entry.keepMs, serverNow)
    const flags = `C${lease.cas} T${life} c${casFlag(explicitCas(this.#place))}`
    const [filled, ...replies] = await client.sendAll(
      [
        ms(value, encodeEntry(entry, key, serverNow, value), flags),
        ...asked,
        ...this.#quarantines.ask([], tags),
      ],
      { by },
    )
    // Only now: whoever is told an error gives the lease back.
    this.#leases.delete(token)
    found.learn(replies.slice(0, asked.length))
    const isQuarantined = this.#quarantines.isAnyLive(replies.slice(asked.length))
    const isStored = filled?.code === 'HD'
    if (isStored && isQuarantined) await client.send(md(value, `C${filled.cas}`), { by })
    return { stored: isStored && !isQuarantined, tokens: found.tokens }
  }

  /** One trip. */
  async release(key: string, token: Token, by: number): Promise<boolean> {
    // However it ends: nobody asks twice.
    const lease = await this.#settled(key, token, by).finally(() => this.#leases.delete(token))
    if (lease === undefined) return false
    const released = this.#place.client.send(givingBack(this.#place, lease), { by })
    return (await this.#orGiveBack(lease, released)).code === 'HD'
  }

  /** A key whose lease this process may hold, or a tag that it is about to carry, is in quarantine. */
  voidAll(key: string): void {
    for (const [token, lease] of this.#leases) if (lease.key === key) this.#void(token, lease)
  }

  /** One trip: the value or the lease that is there, the lease itself where there is neither, tokens, quarantines. */
  async #ask(
    { key, leaseMs, tags, tagLifeMs }: AcquireRequest,
    cas: string | undefined,
    by: number,
  ): Promise<{ readonly look: ValueLook; readonly found: FoundTokens; readonly isQuarantined: boolean }> {
    const { client, names } = this.#place
    const value = names.of('v', key)
    const found = new FoundTokens(this.#place, tags)
    const asked = found.ask(tagLifeMs)
    // The value that was seen is offered to whoever reads it next, which is this process or one that is as good.
    const [chosen, offered] = [explicitCas(this.#place), explicitCas(this.#place)]
    const offers = cas === undefined ? [] : [offer(value, cas, offered)]
    const look = mg(value, `${VALUE_FLAGS} N${expirySeconds(leaseMs, 0)}${casFlag(chosen)}`)
    const { generation } = client
    // Granted to one who has given up it would be in the way of everybody.
    const late = (reply: MetaReply): void => {
      const won = wonLease(lookAtValue(reply, key, value, client), key, { generation })
      if (won !== undefined) giveBack(this.#place, won)
    }
    const offering = client.sendAll(offers, { by })
    const looking = client.send(look, { by, late })
    const asking = client.sendAll([...asked, ...this.#quarantines.ask([key], tags)], { by })
    const [looked, replies] = await Promise.all([looking, asking, offering]).catch((error: unknown) => {
      looking.then(late, (lost: unknown) => {
        const won = { key, generation }
        if (chosen !== undefined) giveBackUnheard(this.#place, { ...won, cas: chosen, on: 'stub' }, lost)
        if (offered !== undefined) giveBackUnheard(this.#place, { ...won, cas: offered, on: 'value' }, lost)
      })
      throw error
    })
    found.learn(replies.slice(0, asked.length))
    return {
      look: lookAtValue(looked, key, value, client),
      found,
      isQuarantined: this.#quarantines.isAnyLive(replies.slice(asked.length)),
    }
  }

  /** A lease that a read has won, with the tokens that it found. */
  async #claim(held: HeldLease, request: AcquireRequest, by: number): Promise<Acquired> {
    const { client } = this.#place
    const { key, tags, tagLifeMs } = request
    const known = tokensOf(held, tags)
    const found = new FoundTokens(this.#place, tags, known)
    if (known !== undefined && found.areComplete) {
      found.extendBehind(tagLifeMs)
      this.#grant(held, request.token, this.#check(held, request))
      return { state: 'won', tokens: found.tokens }
    }
    if (known === undefined) {
      const asked = found.ask(tagLifeMs)
      const quarantines = this.#quarantines.ask([key], tags)
      const replies = await this.#orGiveBack(held, client.sendAll([...asked, ...quarantines], { by }))
      found.learn(replies.slice(0, asked.length))
      if (this.#quarantines.isAnyLive(replies.slice(asked.length))) {
        giveBack(this.#place, held)
        return { state: 'quarantined', tokens: found.tokens }
      }
    }
    return await this.#mintAndGrant(held, request, found, by)
  }

  /**
   * Asks for quarantines behind the caller, who begins to load meanwhile: one that was set before is seen now, and one that
   * is set later voids the lease. What is not known is as good as quarantined.
   */
  async #check({ key }: WonLease, { token, tags }: AcquireRequest): Promise<void> {
    const { client, clock, timeoutMs } = this.#place
    const isQuarantined = await client
      .sendAll(this.#quarantines.ask([key], tags), { by: clock.now() + timeoutMs })
      .then(
        (replies) => this.#quarantines.isAnyLive(replies),
        () => true,
      )
    const lease = this.#leases.get(token)
    if (isQuarantined && lease !== undefined) this.#void(token, lease)
  }

  /** Mints what is missing. Whatever was quarantined before it is found behind it. */
  async #mintAndGrant(
    won: WonLease,
    request: AcquireRequest,
    found: FoundTokens,
    by: number,
  ): Promise<Acquired> {
    const { key, tags, tagLifeMs, token } = request
    if (!found.areComplete) {
      const minting = found.mint(tagLifeMs)
      const commands = [...minting, ...this.#quarantines.ask([key], tags)]
      const replies = await this.#orGiveBack(won, this.#place.client.sendAll(commands, { by }))
      found.learnMinted(replies.slice(0, minting.length))
      if (this.#quarantines.isAnyLive(replies.slice(minting.length))) {
        giveBack(this.#place, won)
        return { state: 'quarantined', tokens: found.tokens }
      }
    }
    found.extendBehind(tagLifeMs)
    this.#grant(won, token, undefined)
    return { state: 'won', tokens: found.tokens }
  }

  async #orGiveBack<T>(won: WonLease, trip: Promise<T>): Promise<T> {
    try {
      return await trip
    } catch (error) {
      giveBack(this.#place, won)
      throw error
    }
  }

  #grant(won: WonLease, token: Token, checked: Promise<unknown> | undefined): void {
    const { key, cas, on, generation } = won
    this.#signs.forget(key)
    this.#leases.set(token, { key, cas, on, generation, name: cas, renewing: undefined, checked })
  }

  /** Void at once; given back as soon as its cas is known again, which a renewal changes. */
  #void(token: Token, lease: Lease): void {
    this.#leases.delete(token)
    const giveBackNow = (): void => {
      if (lease.cas !== undefined) giveBack(this.#place, { ...lease, cas: lease.cas })
    }
    if (lease.renewing === undefined) giveBackNow()
    else lease.renewing.then(giveBackNow, giveBackNow)
  }

  /** Rule C; a lease that this process did not win is void too: nobody else may fill by it. */
  #live(key: string, token: Token): Lease | undefined {
    const lease = this.#leases.get(token)
    if (lease?.key !== key) return undefined
    const { client, rules } = this.#place
    if (rules.mayFill(lease.generation, client.generation)) return lease
    // In nobody's way, where its cas still names it.
    this.#void(token, lease)
    return undefined
  }

  /** The lease, once nothing of it is in flight any more, with the cas by which it is filled or given back. */
  async #settled(key: string, token: Token, by: number): Promise<(Lease & { cas: string }) | undefined> {
    const lease = this.#live(key, token)
    if (lease === undefined) return undefined
    await lease.checked
    await lease.renewing?.catch(ignore)
    const cas = await this.#casOf(lease, by)
    // Looked at again behind what was awaited: the next command goes over the connection of now.
    return cas === undefined || this.#live(key, token) !== lease ? undefined : { ...lease, cas }
  }

  /** The cas of now; undefined: the lease is lost. One trip where a renewal got no answer. */
  async #casOf(lease: Lease, by: number): Promise<string | undefined> {
    if (lease.cas !== undefined) return lease.cas
    const { client, names } = this.#place
    const value = names.of('v', lease.key)
    const look = lookAtValue(await client.send(mg(value, VALUE_FLAGS), { by }), lease.key, value, client)
    if (look.state === 'lease' && look.name === lease.name) lease.cas = look.cas
    // Whatever has taken its place was offered to us: it is not ours to load over.
    else if (look.state === 'value' && look.won)
      giveBack(this.#place, { ...lease, cas: look.cas, on: 'value' })
    return lease.cas
  }

  async #prolong(lease: Lease, leaseMs: number, by: number): Promise<boolean> {
    const { client, names } = this.#place
    const cas = await this.#casOf(lease, by)
    if (cas === undefined) return false
    if (lease.on === 'value') return await this.#signs.sign(lease.key, cas, leaseMs, by)
    // A stub is written over itself, by cas: `mg … T` would cut the life of whatever had taken its place. A cas that was
    // chosen stays; the one that the server counts next is not known before it answers.
    const keeps = isExplicitCas(cas)
    if (!keeps) lease.cas = undefined
    const flags = `C${cas} T${expirySeconds(leaseMs, 0)} F${LEASE_FLAG} c${casFlag(keeps ? cas : undefined)}`
    const reply = await client.send(ms(names.of('v', lease.key), lease.name, flags), { by })
    if (reply.code !== 'HD') return false
    lease.cas = reply.cas
    return true
  }
}

function ignore(): void {}
