import type { Receiver } from '@holdfast/wire'
import { decodeEntry, type FoundEntry, type ReadRequest, type Tokens } from 'holdfast/contracts'
import type { RedisClient } from './client.ts'
import { RedisReplyError } from './reply-error.ts'
import { RespOverlong, type RespValue } from './resp-value.ts'
import { NO_TOKENS, tokenOf } from './token-replies.ts'

/**
 * Answers a read by a GET, where all its tokens are held, or by an MGET of the tags, the namespace token and, last, the
 * value. A value of another type is a miss, which the next fill overwrites: an error to GET, a nil to MGET.
 */
export class ReadReceiver implements Receiver<RespValue> {
  readonly borrows = true
  readonly #request: ReadRequest
  readonly #client: RedisClient
  /** The value's name in Redis. */
  readonly #value: string

  constructor(request: ReadRequest, client: RedisClient, value: string) {
    this.#request = request
    this.#client = client
    this.#value = value
  }

  reply(reply: RespValue): void {
    const request = this.#request
    if (Array.isArray(reply)) request.answered(this.#found(reply.at(-1)), readTokens(reply, request))
    else request.answered(this.#found(reply), NO_TOKENS)
  }

  fail(error: unknown): void {
    const isForeign = error instanceof RedisReplyError && error.prefix === 'WRONGTYPE'
    if (isForeign) this.#request.answered(undefined, NO_TOKENS)
    else this.#request.failed(error)
  }

  #found(reply: RespValue | undefined): FoundEntry {
    if (Buffer.isBuffer(reply)) return decodeEntry(reply, this.#request.key, this.#client.serverNow())
    return reply instanceof RespOverlong ? this.#client.overlong.note(this.#value, reply) : undefined
  }
}

function readTokens(replies: readonly RespValue[], { tags, namespace }: ReadRequest): Tokens {
  const held = namespace ? tokenOf(replies[tags.length]) : undefined
  if (tags.length === 0) return { ...NO_TOKENS, namespace: held }
  const tokens = new Map<string, string>()
  for (let i = 0; i < tags.length; i++) {
    const [tag, token] = [tags[i] ?? '', tokenOf(replies[i])]
    if (token !== undefined) tokens.set(tag, token)
  }
  return { namespace: held, epoch: undefined, tags: tokens }
}
