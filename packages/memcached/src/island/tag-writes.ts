import { hardPart, softPart } from 'holdfast/contracts'
import { expirySeconds } from '../client/expiry-seconds.ts'
import { type MetaCommand, md, mg, ms } from '../client/meta-command.ts'
import type { MetaReply } from '../client/meta-reply.ts'
import type { Place } from './place.ts'
import { foundToken, TOKEN_FLAGS } from './token-items.ts'

// Others may expire the same tag each time that this process has looked at it.
const ATTEMPTS_MAX = 8

/** Tokens that are removed, which invalidates: a missing one matches nothing. It works when memory is full. */
export class TagWrites {
  readonly #place: Place

  constructor(place: Place) {
    this.#place = place
  }

  /** The epoch first (rule T'), then the tags. */
  removal(tags: readonly string[]): MetaCommand[] {
    const { names } = this.#place
    return [md(names.epoch), ...tags.map((tag) => md(names.of('t', tag)))]
  }

  /** Gives each tag a new soft part. Two trips, and two for each time that somebody else comes first. */
  async expire(tags: readonly string[], by: number): Promise<void> {
    const { client, names } = this.#place
    let left = tags
    for (let attempt = 1; left.length > 0 && attempt <= ATTEMPTS_MAX; attempt++) {
      const keys = left.map((tag) => names.of('t', tag))
      const [, ...looked] = await client.sendAll(
        [md(names.epoch), ...keys.map((key) => mg(key, TOKEN_FLAGS))],
        { by },
      )
      const softened = await Promise.all(left.map((tag, i) => this.#soften(tag, looked[i], by)))
      left = left.filter((_, i) => softened[i] === false)
    }
    if (left.length > 0) await client.sendAll(this.removal(left), { by })
  }

  /** False: the tag has changed meanwhile. One that is missing, or cannot be written (the server is full), is invalidated. */
  async #soften(tag: string, reply: MetaReply | undefined, by: number): Promise<boolean> {
    const { client, clock, names } = this.#place
    const key = names.of('t', tag)
    const { token, ttlSec } = reply === undefined ? {} : foundToken(reply)
    if (token === undefined) {
      await client.send(md(key), { by })
      return true
    }
    const serverNow = client.serverNow()
    const life = ttlSec === undefined || ttlSec < 0 ? 0 : expirySeconds(ttlSec * 1000, serverNow)
    const softened = hardPart(token) + softPart(serverNow, clock.token())
    try {
      return (await client.send(ms(key, softened, `C${reply?.cas} T${life}`), { by })).code === 'HD'
    } catch {
      await client.send(md(key), { by })
      return true
    }
  }
}
