import {
  type Acquired,
  type AcquireRequest,
  CacheError,
  type Clock,
  decodeEntry,
  encodeEntry,
  encodeEntryHead,
  type Filled,
  type FillRequest,
  type FoundEntry,
  type NamespaceStore,
  type PutReply,
  type PutRequest,
  type ReadReply,
  type ReadRequest,
  softPart,
  type Token,
  type Tokens,
  type Names as TouchedNames,
} from 'holdfast/contracts'
import type { RedisClient } from './client.ts'
import type { RedisScript } from './commands.ts'
import { Names } from './names.ts'
import { RedisReplyError } from './reply-error.ts'
import type { RespArgument } from './resp-encode.ts'
import type { RespValue } from './resp-value.ts'
import * as scripts from './scripts.ts'

/** What a namespace needs of the connection it shares. */
export interface Lane {
  readonly client: RedisClient
  readonly clock: Clock
  /** The next push of this key's name is the echo of our own write. */
  expectEcho(valueName: string): void
}

/** The operations of the contract on one namespace; protocol 4.2. */
export class RedisNamespace implements NamespaceStore {
  readonly #lane: Lane
  readonly #client: RedisClient
  readonly #clock: Clock
  readonly #names: Names
  readonly #onClose: () => void
  /** Rule C: the connection on which each live lease was granted. Bounded by the loads under way. */
  readonly #leases = new Map<Token, number>()
  #closed = false

  constructor(lane: Lane, namespace: string, onClose: () => void) {
    this.#lane = lane
    this.#client = lane.client
    this.#clock = lane.clock
    this.#names = new Names(namespace)
    this.#onClose = onClose
  }

  async read(request: ReadRequest, by: number): Promise<ReadReply> {
    const values = request.keys.map((key) => this.#names.of('v', key))
    const names = this.#tokenNames(request.tags, request.namespace)
    const [only] = values
    if (values.length === 1 && names.length === 0 && only !== undefined) {
      const found = await this.#get(only, request, by)
      return { entries: [this.#found(found, request.keys[0] ?? '')], tokens: NO_TOKENS }
    }
    const replies = asArray(await this.#command(['MGET', ...values, ...names], by, request))
    const entries = request.keys.map((key, i) => this.#found(replies[i], key))
    return { entries, tokens: tokensOf(replies.slice(values.length), request.tags, request.namespace) }
  }

  async tokens(tags: readonly string[], mintLifeMs: number | undefined, by: number): Promise<Tokens> {
    if (mintLifeMs !== undefined) return await this.#mint(tags, mintLifeMs, by)
    const replies = asArray(await this.#command(['MGET', ...this.#tokenNames(tags, true)], by))
    return tokensOf(replies, tags, true)
  }

  async acquire(request: AcquireRequest, by: number): Promise<Acquired> {
    const { key, token, leaseMs, seen, tags } = request
    const keys = [this.#names.of('v', key), this.#names.of('l', key), ...this.#quarantines([key], tags)]
    const args = [bytes(token), Math.ceil(leaseMs), ...(seen === undefined ? [] : [bytes(seen)])]
    const generation = this.#client.generation
    const [reply, tokens] = await both(
      this.#script(scripts.ACQUIRE, keys, args, by),
      this.#mint(tags, request.tagLifeMs, by),
    )
    const [state, value] = asArray(reply)
    const word = String(state)
    if (word === 'found' && Buffer.isBuffer(value)) {
      return { state: 'found', entry: decodeEntry(value, key, this.#client.serverNow()), tokens }
    }
    if (word !== 'won' && word !== 'busy' && word !== 'quarantined') throw unexpected('ACQUIRE', reply)
    if (word === 'busy') return { state: 'busy', holder: tokenOf(value), tokens }
    if (word === 'won') this.#leases.set(token, generation)
    return { state: word, tokens }
  }

  async renew(key: string, token: Token, leaseMs: number, by: number): Promise<boolean> {
    const isVoid = this.#isVoid(token)
    const reply = await this.#script(
      scripts.RENEW,
      [this.#names.of('l', key)],
      [bytes(token), Math.ceil(leaseMs)],
      by,
    )
    return reply === 1 && !isVoid
  }

  async fill({ key, token, entry }: FillRequest, by: number): Promise<Filled> {
    const tags = entry.tags.map((tag) => tag.name)
    const isVoid = this.#isVoid(token)
    this.#leases.delete(token)
    if (isVoid) return { stored: false, tokens: await this.tokens(tags, undefined, by) }
    const value = this.#names.of('v', key)
    const keys = [value, this.#names.of('l', key), ...this.#quarantines([key], tags)]
    const body = encodeEntry(entry, key, this.#client.serverNow())
    const tap = (reply: RespValue) => {
      if (reply === 1) this.#lane.expectEcho(value)
    }
    const [reply, tokens] = await both(
      this.#client.script(scripts.FILL, keys, [bytes(token), body, Math.ceil(entry.keepMs)], { by, tap }),
      this.tokens(tags, undefined, by),
    )
    return { stored: reply === 1, tokens }
  }

  async release(key: string, token: Token, by: number): Promise<boolean> {
    const isVoid = this.#isVoid(token)
    this.#leases.delete(token)
    const reply = await this.#script(scripts.RELEASE, [this.#names.of('l', key)], [bytes(token)], by)
    return reply === 1 && !isVoid
  }

  async invalidate(keys: readonly string[], by: number): Promise<void> {
    if (keys.length === 0) return
    await this.#command(['UNLINK', ...this.#valueAndLease(keys)], by)
  }

  /** A missing token matches nothing, so removing is invalidating: one atomic command that a full server takes, too. */
  async invalidateTags(tags: readonly string[], by: number): Promise<void> {
    if (tags.length === 0) return
    const names = tags.map((tag) => this.#names.of('t', tag))
    await this.#command(['UNLINK', this.#names.own('e'), ...names], by)
  }

  async expire(keys: readonly string[], by: number): Promise<void> {
    if (keys.length === 0) return
    await this.#script(scripts.EXPIRE, this.#valueAndLease(keys), [], by)
  }

  async expireTags(tags: readonly string[], by: number): Promise<void> {
    if (tags.length === 0) return
    const keys = [this.#names.own('e'), ...tags.map((tag) => this.#names.of('t', tag))]
    await this.#script(
      scripts.EXPIRE_TAGS,
      keys,
      tags.map(() => bytes(softPart(this.#client.serverNow(), this.#clock.token()))),
      by,
    )
  }

  async clear(by: number): Promise<void> {
    await this.#command(['UNLINK', this.#names.own('n'), this.#names.own('e')], by)
  }

  async put(request: PutRequest, by: number): Promise<PutReply> {
    const { key, entry, tags, tagLifeMs } = request
    const names = this.#names
    const value = names.of('v', key)
    const keys = [value, names.of('l', key), names.of('q', key), names.own('n'), names.own('e')]
    for (const tag of tags) keys.push(names.of('x', tag))
    for (const tag of tags) keys.push(names.of('t', tag))
    const serverNow = this.#client.serverNow()
    const head = encodeEntryHead(entry, key, serverNow)
    const version = entry.version === undefined ? '' : head.subarray(head.length - 8)
    const args: RespArgument[] = [
      Math.floor(serverNow + by - this.#clock.now()),
      Math.ceil(entry.keepMs),
      head,
      entry.payload,
      Math.ceil(tagLifeMs),
      version,
      this.#newToken(),
      this.#newToken(),
    ]
    for (const tag of tags) args.push(...tagHeads(tag), tag, this.#newToken())
    const tap = (reply: RespValue) => {
      if (Array.isArray(reply) && String(reply[0]) === 'stored') this.#lane.expectEcho(value)
    }
    const reply = asArray(await this.#client.script(scripts.PUT, keys, args, { by, tap }))
    const outcome = String(reply[0])
    if (outcome !== 'stored' && outcome !== 'older' && outcome !== 'quarantined')
      throw unexpected('PUT', [...reply])
    return { outcome, tokens: tokensOf(reply.slice(1), tags, true) }
  }

  async quarantine(names: TouchedNames, token: Token, lifeMs: number, by: number): Promise<void> {
    const held = this.#quarantines(names.keys, names.tags)
    if (held.length === 0) return
    const removed = this.#valueAndLease(names.keys)
    if (names.tags.length > 0)
      removed.push(this.#names.own('e'), ...names.tags.map((tag) => this.#names.of('t', tag)))
    const args = [bytes(token), Math.ceil(lifeMs), held.length]
    await this.#script(scripts.QUARANTINE, [...held, ...removed], args, by)
  }

  async unquarantine(names: TouchedNames, token: Token, by: number): Promise<void> {
    const held = this.#quarantines(names.keys, names.tags)
    if (held.length > 0) await this.#script(scripts.UNQUARANTINE, held, [bytes(token)], by)
  }

  close(): void {
    this.#closed = true
    this.#onClose()
  }

  /** Rule C. A lease that this process did not win is void too: nobody else may fill by it. */
  #isVoid(token: Token): boolean {
    return this.#leases.get(token) !== this.#client.generation
  }

  async #mint(tags: readonly string[], lifeMs: number, by: number): Promise<Tokens> {
    const names = this.#tokenNames(tags, true)
    const args = [Math.ceil(lifeMs), ...names.map(() => this.#newToken())]
    return tokensOf(asArray(await this.#script(scripts.MINT, names, args, by)), tags, true)
  }

  async #get(name: string, request: ReadRequest, by: number): Promise<RespValue> {
    try {
      return await this.#command(['GET', name], by, request)
    } catch (error) {
      // Someone keeps another type under our name: a miss, which the next fill overwrites.
      if (error instanceof RedisReplyError && error.prefix === 'WRONGTYPE') return null
      throw error
    }
  }

  #found(reply: RespValue | undefined, key: string): FoundEntry {
    return Buffer.isBuffer(reply) ? decodeEntry(reply, key, this.#client.serverNow()) : undefined
  }

  #command(args: readonly RespArgument[], by: number, sent?: { written: boolean }): Promise<RespValue> {
    if (this.#closed) return Promise.reject(closed())
    return this.#client.command(args, sent === undefined ? { by } : { by, sent })
  }

  #script(
    script: RedisScript,
    keys: readonly RespArgument[],
    args: readonly RespArgument[],
    by: number,
  ): Promise<RespValue> {
    if (this.#closed) return Promise.reject(closed())
    return this.#client.script(script, keys, args, { by })
  }

  #valueAndLease(keys: readonly string[]): string[] {
    return keys.flatMap((key) => [this.#names.of('v', key), this.#names.of('l', key)])
  }

  #quarantines(keys: readonly string[], tags: readonly string[]): string[] {
    return [...keys.map((key) => this.#names.of('q', key)), ...tags.map((tag) => this.#names.of('x', tag))]
  }

  #tokenNames(tags: readonly string[], namespace: boolean): string[] {
    const names = tags.map((tag) => this.#names.of('t', tag))
    return namespace ? [this.#names.own('n'), this.#names.own('e'), ...names] : names
  }

  #newToken(): Buffer {
    return bytes(this.#clock.token())
  }
}

const NO_TOKENS: Tokens = { namespace: undefined, epoch: undefined, tags: new Map() }

/** Replies in the order of #tokenNames. */
function tokensOf(replies: readonly RespValue[], tags: readonly string[], namespace: boolean): Tokens {
  const first = namespace ? 2 : 0
  const found = new Map<string, string>()
  tags.forEach((tag, i) => {
    const token = tokenOf(replies[first + i])
    if (token !== undefined) found.set(tag, token)
  })
  return namespace
    ? { namespace: tokenOf(replies[0]), epoch: tokenOf(replies[1]), tags: found }
    : { namespace: undefined, epoch: undefined, tags: found }
}

/** A token is 8 or 16 bytes; anything else someone else wrote, and it matches nothing. */
function tokenOf(reply: RespValue | undefined): string | undefined {
  return Buffer.isBuffer(reply) && (reply.length === 8 || reply.length === 16)
    ? reply.toString('latin1')
    : undefined
}

/** A tag's varint head in an entry, without and with the soft bit (core's entry format). */
function tagHeads(tag: string): [Buffer, Buffer] {
  const value = Buffer.byteLength(tag) * 2
  return [varint(value), varint(value + 1)]
}

function varint(value: number): Buffer {
  const out: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...out, rest])
    out.push((rest & 0x7f) | 0x80)
  }
}

/** Tokens are bytes, kept as latin1 text. */
function bytes(token: Token): Buffer {
  return Buffer.from(token, 'latin1')
}

function asArray(reply: RespValue): readonly RespValue[] {
  if (Array.isArray(reply)) return reply
  throw unexpected('a command', reply)
}

function unexpected(what: string, reply: RespValue): CacheError {
  return new CacheError('l2_error', `the server answered ${what} with ${typeof reply}`, { tier: 'l2' })
}

function closed(): CacheError {
  return new CacheError('closed', 'the namespace was closed', { tier: 'l2' })
}

/** Two pipelined replies; if either fails, the failure of both is heard. */
async function both<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  return await Promise.all([first, second])
}
