import { hardPart, softPart } from 'holdfast/contracts'
import { expirySeconds } from '../client/expiry-seconds.ts'
import { type MetaCommand, md, mg, ms } from '../client/meta-command.ts'
import type { MetaKey } from '../client/meta-key.ts'
import type { MetaReply } from '../client/meta-reply.ts'
import type { Place } from './place.ts'
import { foundToken, TOKEN_FLAGS } from './token-items.ts'

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

  /** Gives each tag a new soft part. Two trips. */
  async expire(tags: readonly string[], by: number): Promise<void> {
    const { client, names } = this.#place
    const keys = tags.map((tag) => names.of('t', tag))
    const [, ...looked] = await client.sendAll(
      [md(names.epoch), ...keys.map((key) => mg(key, TOKEN_FLAGS))],
      { by },
    )
    await Promise.all(keys.map((key, i) => this.#soften(key, looked[i], by)))
  }

  /**
   * One that was replaced since it was looked at has been expired, or invalidated, all the same. One that is missing, or
   * cannot be written (the server is full), is invalidated.
   */
  async #soften(key: MetaKey, reply: MetaReply | undefined, by: number): Promise<void> {
    const { client, clock } = this.#place
    const { token, ttlSec = -1 } = reply === undefined ? {} : foundToken(reply)
    if (token === undefined) {
      await client.send(md(key), { by })
      return
    }
    const serverNow = client.serverNow()
    const life = ttlSec < 0 ? 0 : expirySeconds(ttlSec * 1000, serverNow)
    const softened = hardPart(token) + softPart(serverNow, clock.token())
    await client
      .send(ms(key, softened, `C${reply?.cas} T${life}`), { by })
      .catch(() => client.send(md(key), { by }))
  }
}
