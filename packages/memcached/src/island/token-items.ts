import type { TagToken, Tokens } from 'holdfast/contracts'
import { expirySeconds } from '../client/expiry-seconds.ts'
import { type MetaCommand, mg, ms } from '../client/meta-command.ts'
import type { MetaKey } from '../client/meta-key.ts'
import type { MetaReply } from '../client/meta-reply.ts'
import { casFlag, explicitCas, explicitCasToken, isExplicitCas } from './explicit-cas.ts'
import type { Place } from './place.ts'

/** What stands under the name of a token. */
export interface FoundToken {
  /** undefined: none. */
  readonly token: TagToken | undefined
  /** Of what stands there and is none: somebody else wrote it, and it is to be replaced. */
  readonly foreignCas: string | undefined
  /** Whole seconds that are left; -1: for ever. */
  readonly ttlSec: number
}

const NOTHING: FoundToken = { token: undefined, foreignCas: undefined, ttlSec: -1 }
const TOKEN_BYTES = 8
/** What a read of a token asks for. */
export const TOKEN_FLAGS = 'v c t'

/**
 * What a read of a token asks for that mints what is missing, to live so long (0: for ever), where that takes no trip of its
 * own: the item that the server makes then has no value, and the token is the cas that was chosen for it.
 */
export function mintingFlags(place: Place, lifeMs: number): string {
  const chosen = explicitCas(place)
  if (chosen === undefined) return TOKEN_FLAGS
  const life = lifeMs === 0 ? 0 : expirySeconds(lifeMs, place.client.serverNow())
  return `${TOKEN_FLAGS} N${life}${casFlag(chosen)}`
}

/** What a reply to `mg … v c t` says; `mintedLifeMs`: how long what it has minted lives, which the server does not say. */
export function foundToken(reply: MetaReply, mintedLifeMs = 0): FoundToken {
  const { code, size, cas, won, lost, ttlSec = -1 } = reply
  if (code !== 'VA') return NOTHING
  if (size === TOKEN_BYTES || size === 2 * TOKEN_BYTES) {
    return { token: reply.valueText('latin1'), foreignCas: undefined, ttlSec }
  }
  const isMinted = size === 0 && (won || lost)
  if (!isMinted || cas === undefined || !isExplicitCas(cas)) {
    return { token: undefined, foreignCas: cas, ttlSec }
  }
  const lifeSec = won && mintedLifeMs > 0 ? mintedLifeMs / 1000 : ttlSec
  return { token: explicitCasToken(cas), foreignCas: undefined, ttlSec: lifeSec }
}

/** The tokens of a namespace, its epoch and some tags, as they were found: in this order. */
export class FoundTokens {
  readonly tags: readonly string[]
  readonly #place: Place
  readonly #found: FoundToken[]
  /** Places in `#found` of what the last `mint` minted. */
  #minted: readonly number[] = []
  #lifeMs = 0

  /** `found`: of the namespace, the epoch and the tags, as far as they are known. */
  constructor(place: Place, tags: readonly string[], found: readonly FoundToken[] = []) {
    this.tags = tags
    this.#place = place
    this.#found = Array.from({ length: 2 + tags.length }, (_, i) => found[i] ?? NOTHING)
  }

  /**
   * Asks for all of them, for the epoch last: that it has not moved says something of tags that were read before it (T').
   * `lifeMs`: those that are missing will be minted, and are at once where that takes no trip of its own.
   */
  ask(lifeMs?: number): MetaCommand[] {
    this.#lifeMs = lifeMs ?? 0
    const [namespace, epoch, ...tags] = this.#keys().map((key, i) =>
      mg(key, lifeMs === undefined ? TOKEN_FLAGS : mintingFlags(this.#place, i < 2 ? 0 : lifeMs)),
    )
    return [namespace, ...tags, epoch].flatMap((command) => command ?? [])
  }

  /** Takes the replies to `ask`. */
  learn(replies: readonly MetaReply[]): void {
    const last = replies.length - 1
    const [namespace, ...tags] = replies.map((reply, i) =>
      foundToken(reply, i === 0 || i === last ? 0 : this.#lifeMs),
    )
    const epoch = tags.pop()
    this.#found.splice(0, this.#found.length, namespace ?? NOTHING, epoch ?? NOTHING, ...tags)
  }

  get areComplete(): boolean {
    return this.#found.every(({ token }) => token !== undefined)
  }

  /** Mints those that are missing, each of which is read behind it: the first to mint one has minted it for all. */
  mint(lifeMs: number): MetaCommand[] {
    const life = `T${expirySeconds(lifeMs, this.#place.client.serverNow())}`
    const missing = this.#missing()
    this.#minted = missing.map(([, , index]) => index)
    return missing.flatMap(([key, { foreignCas }, index]) => {
      const mode = foreignCas === undefined ? 'ME' : `C${foreignCas}`
      return [ms(key, this.#place.clock.token(), `${mode} ${index < 2 ? 'T0' : life}`), mg(key, TOKEN_FLAGS)]
    })
  }

  /** Takes the replies to the last `mint`. */
  learnMinted(replies: readonly MetaReply[]): void {
    for (const [i, index] of this.#minted.entries()) {
      const reply = replies[2 * i + 1]
      if (reply !== undefined) this.#found[index] = foundToken(reply)
    }
  }

  /** Extends the life of tags of which less than a quarter is left: an entry that lives on needs them. */
  extend(lifeMs: number): MetaCommand[] {
    const life = expirySeconds(lifeMs, this.#place.client.serverNow())
    return this.#keys().flatMap((key, i) => {
      const { token, ttlSec } = this.#found[i] ?? NOTHING
      const isShort = token !== undefined && ttlSec >= 0 && ttlSec * 1000 < lifeMs / 4
      return i >= 2 && isShort ? [mg(key, `T${life}`)] : []
    })
  }

  /** The same behind the caller. */
  extendBehind(lifeMs: number): void {
    const { client, clock, timeoutMs } = this.#place
    const extensions = this.extend(lifeMs)
    if (extensions.length > 0) client.sendAll(extensions, { by: clock.now() + timeoutMs }).catch(ignore)
  }

  get tokens(): Tokens {
    const tags = new Map<string, TagToken>()
    this.tags.forEach((tag, i) => {
      const token = this.#found[2 + i]?.token
      if (token !== undefined) tags.set(tag, token)
    })
    return { namespace: this.#found[0]?.token, epoch: this.#found[1]?.token, tags }
  }

  #keys(): MetaKey[] {
    const { names } = this.#place
    return [names.namespace, names.epoch, ...this.tags.map((tag) => names.of('t', tag))]
  }

  #missing(): (readonly [key: MetaKey, found: FoundToken, index: number])[] {
    return this.#keys().flatMap((key, i) => {
      const found = this.#found[i] ?? NOTHING
      return found.token === undefined ? [[key, found, i] as const] : []
    })
  }
}

function ignore(): void {}
