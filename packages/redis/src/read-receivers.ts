import type { Receiver } from '@holdfast/wire'
import { CacheError, decodeEntry, type FoundEntry, type ReadRequest, type Tokens } from 'holdfast/contracts'
import type { RedisClient } from './client.ts'
import { RedisReplyError } from './reply-error.ts'
import { RespOverlong, type RespValue } from './resp-value.ts'
import { NO_TOKENS, tokenOf } from './token-replies.ts'

/** Answers a read by a GET: all its tokens are held. */
export class GetReceiver implements Receiver<RespValue> {
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
    this.#request.answered(found(reply, this.#request, this.#client, this.#value), NO_TOKENS)
  }

  fail(error: unknown): void {
    // Someone keeps another type under our name: a miss, which the next fill overwrites.
    const isForeign = error instanceof RedisReplyError && error.prefix === 'WRONGTYPE'
    if (isForeign) this.#request.answered(undefined, NO_TOKENS)
    else this.#request.failed(error)
  }
}

/** Answers a read by an MGET of the tags, the namespace token and the value; a wrong type is a nil to it. */
export class MgetReceiver implements Receiver<RespValue> {
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

  reply(replies: RespValue): void {
    const request = this.#request
    if (Array.isArray(replies)) {
      const value = found(replies.at(-1), request, this.#client, this.#value)
      request.answered(value, readTokens(replies, request))
    } else {
      request.failed(new CacheError('l2_error', 'the server answered MGET with no array', { tier: 'l2' }))
    }
  }

  fail(error: unknown): void {
    this.#request.failed(error)
  }
}

function found(
  reply: RespValue | undefined,
  request: ReadRequest,
  client: RedisClient,
  value: string,
): FoundEntry {
  if (Buffer.isBuffer(reply)) return decodeEntry(reply, request.key, client.serverNow())
  return reply instanceof RespOverlong ? client.overlong.note(value, reply) : undefined
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
