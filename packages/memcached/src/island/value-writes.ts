import {
  CacheError,
  encodeEntry,
  expireEntry,
  type PutReply,
  type PutRequest,
  type Tokens,
} from 'holdfast/contracts'
import { expirySeconds } from '../client/expiry-seconds.ts'
import { type MetaCommand, md, mg, ms } from '../client/meta-command.ts'
import type { MetaReply } from '../client/meta-reply.ts'
import type { Place } from './place.ts'
import type { Quarantines } from './quarantines.ts'
import { FoundTokens } from './token-items.ts'
import { LEASE_FLAG, lookAtValue, VALUE_FLAGS } from './value-look.ts'

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
    const { client, names } = this.#place
    const { key, entry, tags, tagLifeMs } = request
    const value = names.of('v', key)
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const found = new FoundTokens(this.#place, tags)
      const asked = found.ask()
      const quarantines = this.#quarantines.ask([key], tags)
      const [looked, ...replies] = await client.sendAll(
        [mg(value, `${lookFlags(request)} N${STUB_SECONDS}`), ...asked, ...quarantines],
        { by },
      )
      found.learn(replies.slice(0, asked.length))
      const cas = looked?.cas
      if (looked === undefined || cas === undefined || looked.code === 'EN') throw noRoom(key)
      let refusal = this.#refusal(request, looked, replies.slice(asked.length))
      if (refusal === undefined && !found.areComplete) {
        const minting = found.mint(tagLifeMs)
        const minted = await client.sendAll([...minting, ...quarantines], { by })
        found.learnMinted(minted.slice(0, minting.length))
        refusal = this.#refusal(request, looked, minted.slice(minting.length))
      }
      const { tokens } = found
      if (refusal !== undefined) {
        await this.#voidLease(key, looked, by)
        return { outcome: refusal, tokens }
      }
      const serverNow = client.serverNow()
      const body = encodeEntry({ ...entry, ...carried(key, tags, tokens) }, key, serverNow)
      const life = expirySeconds(entry.keepMs, serverNow)
      const put = client.sendAll([ms(value, body, `C${cas} T${life}`), ...found.extend(tagLifeMs)], { by })
      const [stored] = await put.catch((error: unknown) => {
        // Too large, or no room for it: at least nobody shall wait for the stub.
        if (looked.won) client.send(md(value, `C${cas}`), { by }).catch(ignore)
        throw error
      })
      if (stored?.code === 'HD') return { outcome: 'stored', tokens }
    }
    throw new CacheError('l2_error', 'others write this key all the time', {
      key,
      tier: 'l2',
      retryable: true,
    })
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
    const look = lookAtValue(reply, key, client)
    if (look.state === 'absent') return undefined
    const value = names.of('v', key)
    if (look.state === 'lease' || !look.entry.readable || reply?.value === undefined)
      return md(value, `C${look.cas}`)
    const { ttlSec = -1 } = reply
    const life = ttlSec < 0 ? 0 : expirySeconds(ttlSec * 1000, serverNow)
    return ms(value, expireEntry(reply.value, serverNow), `C${look.cas} T${life}`)
  }

  #refusal(
    { key, entry }: PutRequest,
    looked: MetaReply,
    quarantines: readonly MetaReply[],
  ): 'quarantined' | 'older' | undefined {
    if (this.#quarantines.isAnyLive(quarantines)) return 'quarantined'
    if (entry.version === undefined) return undefined
    const look = lookAtValue(looked, key, this.#place.client)
    // A delayed older writer would plant itself where nothing is.
    if (look.state !== 'value' || !look.entry.readable) return 'older'
    const { version } = look.entry
    return version !== undefined && version >= entry.version ? 'older' : undefined
  }

  /** A put that stores nothing voids the lease all the same: what is loaded under it may be older. */
  async #voidLease(key: string, looked: MetaReply, by: number): Promise<void> {
    const { client, names } = this.#place
    const { won, lost, stale, cas } = looked
    if (!won && !lost && looked.clientFlags !== LEASE_FLAG) return
    // On a value it is a mark, which is taken off by offering the value anew.
    await client.send(md(names.of('v', key), `${stale ? 'I ' : ''}C${cas}`), { by })
  }
}

/** The value itself only where its version is to be compared. */
function lookFlags({ entry }: PutRequest): string {
  return entry.version === undefined ? 'c f' : VALUE_FLAGS
}

/** What the entry carries of the tokens. */
function carried(
  key: string,
  tags: readonly string[],
  tokens: Tokens,
): { namespaceToken: string; tags: { name: string; token: string }[] } {
  const { namespace } = tokens
  if (namespace === undefined) throw noRoom(key)
  return {
    namespaceToken: namespace,
    tags: tags.map((name) => {
      const token = tokens.tags.get(name)
      if (token === undefined) throw noRoom(key)
      return { name, token }
    }),
  }
}

function noRoom(key: string): CacheError {
  return new CacheError('l2_error', 'the shared tier is full', { key, tier: 'l2', retryable: true })
}

function ignore(): void {}
