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
  type NamespaceStore,
  type PutReply,
  type PutRequest,
  type Reached,
  type ReadRequest,
  softPart,
  type Token,
  type Tokens,
  type Names as TouchedNames,
} from 'holdfast/contracts'
import type { RedisClient } from './client.ts'
import type { RedisScript } from './commands.ts'
import { Names } from './names.ts'
import { ReadReceiver } from './read-receiver.ts'
import type { RespArgument } from './resp-encode.ts'
import { RespOverlong, type RespValue } from './resp-value.ts'
import * as scripts from './scripts.ts'
import { NO_TOKENS, tokenOf, tokensOf } from './token-replies.ts'

/** What a namespace needs of the connection it shares. */
export interface Lane {
  readonly client: RedisClient
  readonly clock: Clock
  /** The next push of this key's name is the echo of our own write. */
  expectEcho(valueName: string): void
  /** The server has acknowledged that these keys are gone, or changed so that what they were must not come back. */
  removed(names: readonly string[]): void
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

  read(request: ReadRequest, by: number): void {
    if (this.#closed) {
      request.failed(closed())
      return
    }
    const value = this.#names.of('v', request.key)
    const known = this.#client.overlong.find(value)
    if (known !== undefined) {
      request.written = true
      queueMicrotask(() => request.answered(known, NO_TOKENS))
      return
    }
    const receiver = new ReadReceiver(request, this.#client, value)
    if (request.tags.length === 0 && !request.namespace) {
      this.#client.post(['GET', value], { by, sent: request }, receiver)
    } else {
      const names = request.tags.map((tag) => this.#names.of('t', tag))
      if (request.namespace) names.push(this.#names.own('n'))
      // The value last: one that is too long is answered when its first bytes are there.
      this.#client.post(['MGET', ...names, value], { by, sent: request, track: true }, receiver)
    }
  }

  async tokens(
    _key: string,
    tags: readonly string[],
    mintLifeMs: number | undefined,
    by: number,
  ): Promise<Tokens> {
    if (this.#closed) throw closed()
    return await (mintLifeMs === undefined ? this.#readTokens(tags, by) : this.#mint(tags, mintLifeMs, by))
  }

  async acquire(request: AcquireRequest, by: number): Promise<Acquired> {
    const { key, token, leaseMs, seen, tags } = request
    const keys = [this.#names.of('v', key), this.#names.of('l', key), ...this.#quarantines([key], tags)]
    const args = [bytes(token), Math.ceil(leaseMs), ...(seen === undefined ? [] : [bytes(seen)])]
    const generation = this.#client.generation
    const [reply, tokens] = await both(
      this.#tracked(scripts.ACQUIRE, keys, args, by),
      this.#mint(tags, request.tagLifeMs, by),
    )
    const [state, value] = asArray(reply)
    const word = String(state)
    if (word === 'found' && Buffer.isBuffer(value)) {
      return { state: 'found', entry: decodeEntry(value, key, this.#client.serverNow()), tokens }
    }
    if (word === 'found' && value instanceof RespOverlong) {
      return { state: 'found', entry: this.#client.overlong.note(this.#names.of('v', key), value), tokens }
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
    if (isVoid) return { stored: false, tokens: await this.tokens(key, tags, undefined, by) }
    const value = this.#names.of('v', key)
    const keys = [value, this.#names.of('l', key), ...this.#quarantines([key], tags)]
    const body = encodeEntry(entry, key, this.#client.serverNow())
    const tap = (reply: RespValue) => {
      if (reply === 1) this.#stored(value)
    }
    const [reply, tokens] = await both(
      this.#client.script(scripts.FILL, keys, [bytes(token), body, Math.ceil(entry.keepMs)], { by, tap }),
      // Not with what this load's callers do next: those of all other processes wait for it.
      this.#readTokens(tags, by, true),
    )
    return { stored: reply === 1, tokens }
  }

  async release(key: string, token: Token, by: number): Promise<boolean> {
    const isVoid = this.#isVoid(token)
    this.#leases.delete(token)
    const reply = await this.#script(scripts.RELEASE, [this.#names.of('l', key)], [bytes(token)], by)
    return reply === 1 && !isVoid
  }

  async invalidate(keys: readonly string[], by: number): Promise<Reached> {
    if (keys.length === 0) return 'applied'
    await this.#command(['UNLINK', ...this.#valueAndLease(keys)], by)
    this.#lane.removed(this.#values(keys))
    return 'applied'
  }

  /** A missing token matches nothing, so removing is invalidating: one atomic command that a full server takes, too. */
  async invalidateTags(tags: readonly string[], by: number): Promise<Reached> {
    if (tags.length === 0) return 'applied'
    const names = this.#tags(tags)
    await this.#command(['UNLINK', ...names], by)
    this.#lane.removed(names)
    return 'applied'
  }

  async expire(keys: readonly string[], by: number): Promise<Reached> {
    if (keys.length === 0) return 'applied'
    await this.#script(scripts.EXPIRE, this.#valueAndLease(keys), [], by)
    this.#lane.removed(this.#values(keys))
    return 'applied'
  }

  async expireTags(tags: readonly string[], by: number): Promise<Reached> {
    if (tags.length === 0) return 'applied'
    const names = this.#tags(tags)
    const softParts = tags.map(() => bytes(softPart(this.#client.serverNow(), this.#clock.token())))
    await this.#script(scripts.EXPIRE_TAGS, names, softParts, by)
    this.#lane.removed(names)
    return 'applied'
  }

  async clear(by: number): Promise<Reached> {
    const names = [this.#names.own('n'), this.#names.own('e')]
    await this.#command(['UNLINK', ...names], by)
    this.#lane.removed(names)
    return 'applied'
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
      if (Array.isArray(reply) && String(reply[0]) === 'stored') this.#stored(value)
    }
    const reply = asArray(await this.#client.script(scripts.PUT, keys, args, { by, tap, track: true }))
    const outcome = String(reply[0])
    if (outcome !== 'stored' && outcome !== 'older' && outcome !== 'quarantined')
      throw unexpected('PUT', [...reply])
    if (outcome === 'stored') this.#lane.removed([value])
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

  #stored(value: string): void {
    this.#client.overlong.forget(value)
    this.#lane.expectEcho(value)
  }

  /** Rule C. A lease that this process did not win is void too: nobody else may fill by it. */
  #isVoid(token: Token): boolean {
    return this.#leases.get(token) !== this.#client.generation
  }

  async #readTokens(tags: readonly string[], by: number, urgent = false): Promise<Tokens> {
    if (this.#closed) throw closed()
    const names = this.#tokenNames(tags, true)
    const replies = await this.#client.command(['MGET', ...names], { by, track: true, urgent })
    return tokensOf(asArray(replies), tags, true)
  }

  async #mint(tags: readonly string[], lifeMs: number, by: number): Promise<Tokens> {
    const names = this.#tokenNames(tags, true)
    const args = [Math.ceil(lifeMs), ...names.map(() => this.#newToken())]
    const minted = tokensOf(asArray(await this.#tracked(scripts.MINT, names, args, by)), tags, true)
    if (minted.namespace === undefined || minted.epoch === undefined || minted.tags.size < tags.length) {
      this.#client.mintedTooLittle()
    }
    return minted
  }

  #command(args: readonly RespArgument[], by: number): Promise<RespValue> {
    if (this.#closed) return Promise.reject(closed())
    return this.#client.command(args, { by })
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

  #values(keys: readonly string[]): string[] {
    return keys.map((key) => this.#names.of('v', key))
  }

  /** The epoch and the tokens of these tags. */
  #tags(tags: readonly string[]): string[] {
    return [this.#names.own('e'), ...tags.map((tag) => this.#names.of('t', tag))]
  }

  /** A script whose reply tells tokens, or of a lease: this process must hear when they change. */
  #tracked(
    script: RedisScript,
    keys: readonly RespArgument[],
    args: readonly RespArgument[],
    by: number,
  ): Promise<RespValue> {
    if (this.#closed) return Promise.reject(closed())
    return this.#client.script(script, keys, args, { by, track: true })
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
