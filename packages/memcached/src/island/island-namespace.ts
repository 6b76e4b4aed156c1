import {
  type Acquired,
  type AcquireRequest,
  CacheError,
  type Filled,
  type FillRequest,
  type NamespaceStore,
  type PutReply,
  type PutRequest,
  type Reached,
  type ReadRequest,
  type Token,
  type Tokens,
  type Names as TouchedNames,
} from 'holdfast/contracts'
import { type MetaCommand, md, mg } from '../client/meta-command.ts'
import { giveBack } from './give-back.ts'
import { HeldLeases } from './held-leases.ts'
import { Leases } from './leases.ts'
import { removeNamespaceToken } from './namespace-token.ts'
import type { Place } from './place.ts'
import { Quarantines } from './quarantines.ts'
import { TagWrites } from './tag-writes.ts'
import { TickReads } from './tick-reads.ts'
import { FoundTokens, foundToken, TOKEN_FLAGS } from './token-items.ts'
import { ValueWrites } from './value-writes.ts'

/**
 * The operations of the contract on one namespace of one server; protocol 4.4 and docs/wire/memcached.md.
 *
 * What a pool of servers may rely on: every operation goes to this one server, and is right by itself: whatever belongs to
 * an entry is kept here, tokens and quarantines included. Nothing is queued: without a connection an operation rejects
 * `l2_unavailable` at once. What is given a token of a lease that was not won here is refused, without an error and
 * without a trip. A read with intent 'load' may win a lease, which is claimed by the next `acquire` of the key, or given
 * back after 100 ms. Invalidations are always 'applied'.
 */
export class IslandNamespace implements NamespaceStore {
  readonly #place: Place
  readonly #held: HeldLeases
  readonly #leases: Leases
  readonly #reads: TickReads
  readonly #quarantines: Quarantines
  readonly #tags: TagWrites
  readonly #values: ValueWrites
  readonly #onClose: () => void
  #closed = false

  constructor(place: Place, onClose: () => void) {
    this.#place = place
    this.#onClose = onClose
    this.#quarantines = new Quarantines(place)
    this.#held = new HeldLeases(place.clock, (lease) => giveBack(place, lease))
    this.#leases = new Leases(place, this.#quarantines, this.#held)
    this.#reads = new TickReads(place, this.#held)
    this.#tags = new TagWrites(place)
    this.#values = new ValueWrites(place, this.#quarantines)
  }

  read(request: ReadRequest, by: number): void {
    if (this.#closed) request.failed(closed())
    else this.#reads.read(request, by)
  }

  async tokens(
    key: string,
    tags: readonly string[],
    mintLifeMs: number | undefined,
    by: number,
  ): Promise<Tokens> {
    const found = new FoundTokens(this.#place, tags)
    const asked = found.ask(mintLifeMs)
    // Minted for a load that is under way, which was told of no quarantine of theirs.
    const quarantines = mintLifeMs === undefined ? [] : this.#quarantines.ask([], tags)
    const replies = await this.#send([...asked, ...quarantines], by)
    found.learn(replies.slice(0, asked.length))
    if (this.#quarantines.isAnyLive(replies.slice(asked.length))) this.#leases.voidAll(key)
    if (mintLifeMs === undefined) return found.tokens
    found.extendBehind(mintLifeMs)
    if (found.areComplete) return found.tokens
    const minting = found.mint(mintLifeMs)
    // The epoch once more, behind the tags that are minted now (rule T').
    const again = mg(this.#place.names.epoch, TOKEN_FLAGS)
    const minted = await this.#send([...minting, again, ...quarantines], by)
    found.learnMinted(minted.slice(0, minting.length))
    const [epoch, ...quarantined] = minted.slice(minting.length)
    if (this.#quarantines.isAnyLive(quarantined)) this.#leases.voidAll(key)
    return { ...found.tokens, epoch: epoch === undefined ? undefined : foundToken(epoch).token }
  }

  async acquire(request: AcquireRequest, by: number): Promise<Acquired> {
    this.#checkOpen()
    return await this.#leases.acquire(request, by)
  }

  async renew(key: string, token: Token, leaseMs: number, by: number): Promise<boolean> {
    this.#checkOpen()
    return await this.#leases.renew(key, token, leaseMs, by)
  }

  async fill(request: FillRequest, by: number): Promise<Filled> {
    this.#checkOpen()
    return await this.#leases.fill(request, by)
  }

  async release(key: string, token: Token, by: number): Promise<boolean> {
    this.#checkOpen()
    return await this.#leases.release(key, token, by)
  }

  async invalidate(keys: readonly string[], by: number): Promise<Reached> {
    await this.#send(this.#removal(keys), by)
    return 'applied'
  }

  async invalidateTags(tags: readonly string[], by: number): Promise<Reached> {
    if (tags.length > 0) await this.#send(this.#tags.removal(tags), by)
    return 'applied'
  }

  async expire(keys: readonly string[], by: number): Promise<Reached> {
    this.#checkOpen()
    for (const key of keys) this.#held.drop(key)
    await this.#values.expire(keys, by)
    return 'applied'
  }

  async expireTags(tags: readonly string[], by: number): Promise<Reached> {
    this.#checkOpen()
    if (tags.length > 0) await this.#tags.expire(tags, by)
    return 'applied'
  }

  async clear(by: number): Promise<Reached> {
    this.#checkOpen()
    const { client, names } = this.#place
    await removeNamespaceToken(client, names, [md(names.epoch)], by)
    return 'applied'
  }

  async put(request: PutRequest, by: number): Promise<PutReply> {
    this.#checkOpen()
    this.#held.drop(request.key)
    return await this.#values.put(request, by)
  }

  async quarantine(names: TouchedNames, token: Token, lifeMs: number, by: number): Promise<void> {
    this.#checkOpen()
    const { keys, tags } = names
    if (keys.length + tags.length === 0) return
    const removal = [...(tags.length > 0 ? this.#tags.removal(tags) : []), ...this.#removal(keys)]
    await this.#quarantines.set(names, token, lifeMs, removal, by)
  }

  async unquarantine(names: TouchedNames, token: Token, by: number): Promise<void> {
    this.#checkOpen()
    await this.#quarantines.lift(names, token, by)
  }

  /** Idempotent: another one may have been opened by this name since. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#held.dropAll()
    this.#onClose()
  }

  /** There is a connection: what could not be given back over the last one is given back over this. */
  connected(): void {
    for (const lease of this.#place.owedLeases.takeAll()) giveBack(this.#place, lease)
  }

  /** The connection is gone, and what was learned over it is worth nothing. */
  lost(): void {
    this.#held.dropAll()
    this.#quarantines.forget()
  }

  #removal(keys: readonly string[]): MetaCommand[] {
    const { names } = this.#place
    return keys.map((key) => {
      this.#held.drop(key)
      return md(names.of('v', key))
    })
  }

  async #send(commands: readonly MetaCommand[], by: number): ReturnType<Place['client']['sendAll']> {
    this.#checkOpen()
    return await this.#place.client.sendAll(commands, { by })
  }

  #checkOpen(): void {
    if (this.#closed) throw closed()
  }
}

function closed(): CacheError {
  return new CacheError('closed', 'the namespace was closed', { tier: 'l2' })
}
