import {
  CacheError,
  encodeEntry,
  expireEntry,
  type PutReply,
  type PutRequest,
  type Tag,
  type Token,
  type Tokens,
} from 'holdfast/contracts'
import { expirySeconds } from '../client/expiry-seconds.ts'
import { type MetaCommand, md, mg, ms } from '../client/meta-command.ts'
import type { MetaReply } from '../client/meta-reply.ts'
import { casFlag, explicitCas } from './explicit-cas.ts'
import { giveBack, giveBackUnheard, givingBack } from './give-back.ts'
import { noRoom } from './no-room.ts'
import type { Place } from './place.ts'
import type { Quarantines } from './quarantines.ts'
import { FoundTokens } from './token-items.ts'
import { LEASE_FLAG, lookAtValue, VALUE_FLAGS } from './value-look.ts'

/** What a put found where it is to write, and why it does not. */
interface Looked {
  readonly reply: MetaReply
  /** The connection that it came over. */
  readonly generation: number
  readonly refusal: 'quarantined' | 'older' | undefined
}

// Others may write the same key each time that this process has looked at it.
const ATTEMPTS_MAX = 8
// A stub that is made only to have something to write over: the least that there is.
const STUB_SECONDS = expirySeconds(1, 0)

/**
 * Values that are written without a lease. Always by the cas of what is there, never blindly: a write that the server comes
 * to execute after its caller has given up cannot bring a value back after a later invalidation.
 */
export class ValueWrites {
  readonly #place: Place
  readonly #quarantines: Quarantines

  constructor(place: Place, quarantines: Quarantines) {
    this.#place = place
    this.#quarantines = quarantines
  }

  /** Two trips; one more where tokens are minted, and two for each time that another write comes first. */
  async put(request: PutRequest, by: number): Promise<PutReply> {
    const { key } = request
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const found = new FoundTokens(this.#place, request.tags)
      const looked = await this.#look(request, found, by)
      try {
        const refusal = looked.refusal ?? (await this.#mint(request, found, by))
        if (refusal !== undefined) {
          if (await this.#voidLease(key, looked, by)) return { outcome: refusal, tokens: found.tokens }
          continue
        }
        if (await this.#putOver(request, looked, found, by))
          return { outcome: 'stored', tokens: found.tokens }
      } catch (error) {
        // Nobody shall wait for a stub that is left behind.
        this.#voidLease(key, looked, by).catch(() => this.#giveBackOwn(key, looked))
        throw error
      }
    }
    const message = 'others write this key all the time'
    throw new CacheError('l2_error', message, { key, tier: 'l2', retryable: true })
  }

  /** Two trips, and two for each time that another write comes first. */
  async expire(keys: readonly string[], by: number): Promise<void> {
    const { client, names } = this.#place
    let left = keys
    for (let attempt = 1; left.length > 0 && attempt <= ATTEMPTS_MAX; attempt++) {
      const looked = await client.sendAll(
        left.map((key) => mg(names.of('v', key), `${VALUE_FLAGS} t`)),
        { by },
      )
      const marks = left.flatMap((key, i) => {
        const command = this.#mark(key, looked[i])
        return command === undefined ? [] : [{ key, command }]
      })
      const marked = await Promise.all(
        // What cannot be marked (the server is full) is removed.
        marks.map(async ({ key, command }) => {
          const { code } = await client
            .send(command, { by })
            .catch(() => client.send(md(names.of('v', key)), { by }))
          return code === 'EX'
        }),
      )
      left = marks.filter((_, i) => marked[i]).map(({ key }) => key)
    }
    if (left.length > 0)
      await client.sendAll(
        left.map((key) => md(names.of('v', key))),
        { by },
      )
  }

  /** What makes of what is there something that has been stale since now; undefined: nothing is there. */
  #mark(key: string, reply: MetaReply | undefined): MetaCommand | undefined {
    const { client, names } = this.#place
    const serverNow = client.serverNow()
    const value = names.of('v', key)
    const look = lookAtValue(reply, key, value, client)
    if (look.state === 'absent') return undefined
    if (look.state === 'lease' || !look.entry.readable || reply?.value === undefined)
      return md(value, `C${look.cas}`)
    const { ttlSec = -1 } = reply
    const life = ttlSec < 0 ? 0 : expirySeconds(ttlSec * 1000, serverNow)
    const flags = `C${look.cas} T${life}${casFlag(explicitCas(this.#place))}`
    return ms(value, expireEntry(reply.value, serverNow), flags)
  }

  /** What is to be written over: the value, the lease that is there, or a stub that is made for it. One trip. */
  async #look(request: PutRequest, found: FoundTokens, by: number): Promise<Looked> {
    const { client, names } = this.#place
    const { key, tags, tagLifeMs } = request
    const asked = found.ask(tagLifeMs)
    const chosen = explicitCas(this.#place)
    const look = mg(names.of('v', key), `${lookFlags(request)} N${STUB_SECONDS}${casFlag(chosen)}`)
    const { generation } = client
    // A stub that is made for one who has given up would be in the way of everybody.
    const late = ({ won, stale, cas }: MetaReply): void => {
      if (won && cas !== undefined)
        giveBack(this.#place, { key, cas, on: stale ? 'value' : 'stub', generation })
    }
    const looking = client.send(look, { by, late })
    const asking = client.sendAll([...asked, ...this.#quarantines.ask([key], tags)], { by })
    const [reply, replies] = await Promise.all([looking, asking]).catch((error: unknown) => {
      looking.then(late, (lost: unknown) => {
        if (chosen !== undefined)
          giveBackUnheard(this.#place, { key, cas: chosen, on: 'stub', generation }, lost)
      })
      throw error
    })
    if (reply?.cas === undefined || reply.code === 'EN') throw noRoom(this.#place, key)
    found.learn(replies.slice(0, asked.length))
    if (this.#quarantines.isAnyLive(replies.slice(asked.length)))
      return { reply, generation, refusal: 'quarantined' }
    return { reply, generation, refusal: this.#isOlder(request, reply) ? 'older' : undefined }
  }

  /** Mints what is missing, and looks once more at quarantines behind it. */
  async #mint(
    { key, tags, tagLifeMs }: PutRequest,
    found: FoundTokens,
    by: number,
  ): Promise<'quarantined' | undefined> {
    if (found.areComplete) return undefined
    const minting = found.mint(tagLifeMs)
    const commands = [...minting, ...this.#quarantines.ask([key], tags)]
    const replies = await this.#place.client.sendAll(commands, { by })
    found.learnMinted(replies.slice(0, minting.length))
    return this.#quarantines.isAnyLive(replies.slice(minting.length)) ? 'quarantined' : undefined
  }

  /** False: another write came first. */
  async #putOver(
    { key, entry, tags, tagLifeMs }: PutRequest,
    { reply }: Looked,
    found: FoundTokens,
    by: number,
  ): Promise<boolean> {
    const { client, names } = this.#place
    const serverNow = client.serverNow()
    const value = names.of('v', key)
    const body = encodeEntry({ ...entry, ...this.#carried(key, tags, found.tokens) }, key, serverNow, value)
    const life = expirySeconds(entry.keepMs, serverNow)
    const flags = `C${reply.cas} T${life}${casFlag(explicitCas(this.#place))}`
    const commands = [ms(value, body, flags), ...found.extend(tagLifeMs)]
    const [stored] = await client.sendAll(commands, { by })
    return stored?.code === 'HD'
  }

  /** What the entry carries of the tokens. */
  #carried(
    key: string,
    tags: readonly string[],
    tokens: Tokens,
  ): { readonly namespaceToken: Token; readonly tags: readonly Tag[] } {
    const { namespace } = tokens
    if (namespace === undefined) throw noRoom(this.#place, key)
    return {
      namespaceToken: namespace,
      tags: tags.map((name) => {
        const token = tokens.tags.get(name)
        if (token === undefined) throw noRoom(this.#place, key)
        return { name, token }
      }),
    }
  }

  /** A delayed older writer would plant itself where nothing is. */
  #isOlder({ key, entry }: PutRequest, reply: MetaReply): boolean {
    if (entry.version === undefined) return false
    const { client, names } = this.#place
    const look = lookAtValue(reply, key, names.of('v', key), client)
    if (look.state !== 'value' || !look.entry.readable) return true
    const { version } = look.entry
    return version !== undefined && version >= entry.version
  }

  /**
   * A put that stores nothing voids the lease all the same: what is loaded under it may be older. False: the item is another
   * one by now, which may be the same lease, renewed.
   */
  async #voidLease(key: string, { reply }: Looked, by: number): Promise<boolean> {
    const { won, lost, stale, cas, clientFlags } = reply
    if (cas === undefined || (!won && !lost && clientFlags !== LEASE_FLAG)) return true
    const voiding = givingBack(this.#place, { key, cas, on: stale ? 'value' : 'stub' })
    return (await this.#place.client.send(voiding, { by })).code !== 'EX'
  }

  /** Of the lease that was made in order to be written over. */
  #giveBackOwn(key: string, { reply, generation }: Looked): void {
    const { won, stale, cas } = reply
    if (won && cas !== undefined)
      giveBack(this.#place, { key, cas, on: stale ? 'value' : 'stub', generation })
  }
}

/** The value itself only where its version is to be compared. */
function lookFlags({ entry }: PutRequest): string {
  return entry.version === undefined ? 'c f' : VALUE_FLAGS
}
