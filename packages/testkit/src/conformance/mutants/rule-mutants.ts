import {
  decodeEntry,
  encodeEntry,
  type NewEntry,
  type PutReply,
  type PutRequest,
  type ReadRequest,
  type TagToken,
  type Token,
  type Tokens,
} from 'holdfast/contracts'
import type { Quarantine } from '../../memory-store/keyspace.ts'
import {
  MemoryCommands,
  type RawAcquired,
  type RawFilled,
  type RawRead,
} from '../../memory-store/memory-commands.ts'
import type { Place } from '../../memory-store/memory-rules.ts'

class EveryoneHoldsTheLease extends MemoryCommands {
  protected override holdsLease(): boolean {
    return true
  }
}

class LeaseOutlivesItsConnection extends MemoryCommands {
  protected override holdsLease(at: Place, key: string, token: Token): boolean {
    return this.parts.keyspace.lease.get(at.namespace, key)?.token === token
  }
}

class LeaseNeverExpires extends MemoryCommands {
  protected override grantLease(at: Place, key: string, token: Token): void {
    super.grantLease(at, key, token, Number.POSITIVE_INFINITY)
  }
}

class RenewalIsForgotten extends MemoryCommands {
  override renew(at: Place, key: string, token: Token): boolean {
    return this.holdsLease(at, key, token)
  }
}

class StrangersRelease extends MemoryCommands {
  override release(at: Place, key: string): boolean {
    return this.parts.keyspace.lease.delete(at.namespace, key)
  }
}

class ReleaseKeepsTheLease extends MemoryCommands {
  override release(at: Place, key: string, token: Token): boolean {
    return this.holdsLease(at, key, token)
  }
}

/** Leases survive while `keepsLeases` is set. */
class LeaseKeeper extends MemoryCommands {
  #keeps = false

  protected keepingLeases<T>(command: () => T): T {
    this.#keeps = true
    try {
      return command()
    } finally {
      this.#keeps = false
    }
  }

  protected override voidLease(at: Place, key: string): void {
    if (!this.#keeps) super.voidLease(at, key)
  }
}

class InvalidationKeepsTheLease extends LeaseKeeper {
  override invalidate(at: Place, keys: readonly string[]): void {
    this.keepingLeases(() => super.invalidate(at, keys))
  }
}

class ExpireKeepsTheLease extends LeaseKeeper {
  override expire(at: Place, keys: readonly string[]): void {
    this.keepingLeases(() => super.expire(at, keys))
  }
}

class PutKeepsTheLease extends LeaseKeeper {
  override put(at: Place, request: PutRequest, deadlineMs: number): PutReply {
    return this.keepingLeases(() => super.put(at, request, deadlineMs))
  }
}

class FillKeepsTheLease extends LeaseKeeper {
  override fill(at: Place, request: Parameters<MemoryCommands['fill']>[1]): RawFilled {
    return this.keepingLeases(() => super.fill(at, request))
  }
}

class QuarantineKeepsTheLease extends LeaseKeeper {
  override quarantine(...args: Parameters<MemoryCommands['quarantine']>): void {
    this.keepingLeases(() => super.quarantine(...args))
  }
}

class AcquireAlwaysWins extends MemoryCommands {
  override acquire(at: Place, request: Parameters<MemoryCommands['acquire']>[1]): RawAcquired {
    this.voidLease(at, request.key)
    return super.acquire(at, request)
  }
}

class AcquireOverlooksValues extends MemoryCommands {
  protected override isSeen(): boolean {
    return true
  }
}

class AcquireForgetsWhatWasSeen extends MemoryCommands {
  protected override isSeen(): boolean {
    return false
  }
}

class FoundTakesTheLease extends MemoryCommands {
  override acquire(at: Place, request: Parameters<MemoryCommands['acquire']>[1]): RawAcquired {
    const acquired = super.acquire(at, request)
    if (acquired.state === 'found') this.grantLease(at, request.key, request.token, request.leaseMs)
    return acquired
  }
}

class NothingIsMinted extends MemoryCommands {
  protected override mintTokens(at: Place, tags: readonly string[]): Tokens {
    return this.readTokens(at, tags)
  }
}

class LooksMint extends MemoryCommands {
  override tokens(at: Place, tags: readonly string[]): Tokens {
    return this.mintTokens(at, tags, 60_000)
  }
}

class MintsOverWhatIsThere extends MemoryCommands {
  protected override mintTag(at: Place, tag: string, lifeMs: number): void {
    this.parts.keyspace.tag.set(at.namespace, tag, this.newToken(), lifeMs)
  }
}

class TokensComeRound extends MemoryCommands {
  #minted = 0

  protected override newToken(): Token {
    this.#minted = (this.#minted + 1) % 5
    return `${this.#minted}`.padStart(8)
  }
}

/** Finding 6: counters that start again where they were evicted. */
class TokensAreCounters extends MemoryCommands {
  protected override replaceTag(at: Place, tag: string): void {
    const count = Number(this.parts.keyspace.tag.get(at.namespace, tag) ?? 0)
    this.parts.keyspace.tag.set(at.namespace, tag, `${count + 1}`.padStart(8), 60_000)
  }

  protected override mintTag(at: Place, tag: string): void {
    if (this.parts.keyspace.tag.get(at.namespace, tag) === undefined) this.replaceTag(at, tag)
  }
}

class NamespaceTokenIsItsName extends MemoryCommands {
  protected override mintTokens(at: Place, tags: readonly string[], lifeMs: number): Tokens {
    const { namespace, epoch } = this.parts.keyspace
    for (const shelf of [namespace, epoch]) {
      if (shelf.get(at.namespace, '') === undefined) shelf.set(at.namespace, '', 'constant', lifeMs)
    }
    return super.mintTokens(at, tags, lifeMs)
  }

  override admit(): void {}
}

class TagsKeepTheEpoch extends MemoryCommands {
  protected override replaceEpoch(): void {}
}

class TagsOfOneNameAreOne extends MemoryCommands {
  readonly #namespaces = new Set<string>()

  override admit(namespace: string, runId: Token): void {
    this.#namespaces.add(namespace)
    super.admit(namespace, runId)
  }

  protected override replaceTag(at: Place, tag: string): void {
    for (const namespace of this.#namespaces) super.replaceTag({ ...at, namespace }, tag)
  }
}

class InvalidatedTagsAreForgotten extends MemoryCommands {
  override invalidateTags(at: Place): void {
    this.replaceEpoch(at)
  }
}

class TagsReplaceTheNamespaceToken extends MemoryCommands {
  override invalidateTags(at: Place, tags: readonly string[]): void {
    super.invalidateTags(at, tags)
    this.clear(at)
  }
}

class InvalidatesTheFirstOnly extends MemoryCommands {
  override invalidate(at: Place, keys: readonly string[]): void {
    super.invalidate(at, keys.slice(0, 1))
  }
}

class InvalidatesEveryNamespace extends MemoryCommands {
  readonly #namespaces = new Set<string>()

  override admit(namespace: string, runId: Token): void {
    this.#namespaces.add(namespace)
    super.admit(namespace, runId)
  }

  override invalidate(at: Place, keys: readonly string[]): void {
    for (const namespace of this.#namespaces) super.invalidate({ ...at, namespace }, keys)
  }
}

class InvalidatesEveryLease extends MemoryCommands {
  override invalidate(at: Place, keys: readonly string[]): void {
    super.invalidate(at, keys)
    this.parts.keyspace.lease.clear()
  }

  override put(at: Place, request: PutRequest, deadlineMs: number): PutReply {
    this.parts.keyspace.lease.clear()
    return super.put(at, request, deadlineMs)
  }
}

class ExpireRemoves extends MemoryCommands {
  protected override markStale(at: Place, key: string): void {
    this.parts.keyspace.value.delete(at.namespace, key)
  }
}

class ExpireDoesNothing extends MemoryCommands {
  override expire(): void {}

  override expireTags(): void {}
}

class ExpireTagsReplacesTheHardPart extends MemoryCommands {
  protected override softened(): TagToken {
    return this.newToken() + this.newToken()
  }
}

class ExpireTagsKeepsTheSoftPart extends MemoryCommands {
  protected override softened(token: TagToken): TagToken {
    return token.padEnd(16, 's')
  }
}

class ExpireOfAMissingTagDoesNothing extends MemoryCommands {
  override expireTags(at: Place, tags: readonly string[]): void {
    const present = tags.filter((tag) => this.parts.keyspace.tag.get(at.namespace, tag) !== undefined)
    super.expireTags(at, present)
  }
}

class InvalidateTagsIsSoft extends MemoryCommands {
  protected override replaceTag(at: Place, tag: string): void {
    const token = this.parts.keyspace.tag.get(at.namespace, tag)
    if (token?.length !== 16) super.replaceTag(at, tag)
    else this.parts.keyspace.tag.set(at.namespace, tag, this.softened(token), 60_000)
  }
}

class ClearReachesLongerNames extends MemoryCommands {
  readonly #namespaces = new Set<string>()

  override admit(namespace: string, runId: Token): void {
    this.#namespaces.add(namespace)
    super.admit(namespace, runId)
  }

  override clear(at: Place): void {
    for (const namespace of this.#namespaces) {
      if (namespace.startsWith(at.namespace)) super.clear({ ...at, namespace })
    }
  }
}

class ClearDoesNothing extends MemoryCommands {
  override clear(): void {}
}

class NamesAreJoined extends MemoryCommands {
  protected override store(at: Place, key: string, entry: NewEntry): void {
    super.store({ ...at, namespace: '' }, `${at.namespace}:${key}`, entry)
    const bytes = encodeEntry(entry, key, this.parts.now())
    this.parts.keyspace.value.set('', `${at.namespace}:${key}`, bytes, entry.keepMs)
  }

  protected override readValue(at: Place, key: string): Buffer | undefined {
    return super.readValue({ ...at, namespace: '' }, `${at.namespace}:${key}`)
  }
}

class VersionsAreIgnored extends MemoryCommands {
  protected override isOlder(): boolean {
    return false
  }
}

class VersionsAreDoubles extends MemoryCommands {
  protected override isOlder(
    at: Place,
    key: string,
    version: bigint | undefined,
    command: 'fill' | 'put',
  ): boolean {
    return super.isOlder(
      at,
      key,
      version === undefined ? version : BigInt.asIntN(64, BigInt(Number(version))),
      command,
    )
  }
}

class VersionedPutPlantsItself extends MemoryCommands {
  protected override isOlder(at: Place, key: string, version: bigint | undefined): boolean {
    return super.isOlder(at, key, version, 'fill')
  }
}

class VersionedPutIsNeverStored extends MemoryCommands {
  protected override isOlder(_at: Place, _key: string, version: bigint | undefined): boolean {
    return version !== undefined
  }
}

class OlderPutSaysStored extends MemoryCommands {
  override put(at: Place, request: PutRequest, deadlineMs: number): PutReply {
    const bytes = this.parts.keyspace.value.get(at.namespace, request.key)
    const held = bytes && decodeEntry(bytes, request.key, this.parts.now())
    const isPlain = held?.readable === true && held.version === undefined
    if (!isPlain || request.entry.version === undefined) return super.put(at, request, deadlineMs)
    return { outcome: 'stored', tokens: this.readTokens(at, request.tags) }
  }
}

class PutKeepsTheVersion extends MemoryCommands {
  override put(at: Place, request: PutRequest, deadlineMs: number): PutReply {
    const bytes = this.parts.keyspace.value.get(at.namespace, request.key)
    const held = bytes && decodeEntry(bytes, request.key, this.parts.now())
    if (!held?.readable || held.version === undefined) return super.put(at, request, deadlineMs)
    const entry = { ...request.entry, version: request.entry.version ?? held.version }
    return super.put(at, { ...request, entry }, deadlineMs)
  }
}

class PutIgnoresItsDeadline extends MemoryCommands {
  protected override isTooLate(): boolean {
    return false
  }
}

class PutTakesTokensOfItsOwn extends MemoryCommands {
  override put(at: Place, request: PutRequest, deadlineMs: number): PutReply {
    const reply = super.put(at, request, deadlineMs)
    for (const tag of request.tags) this.parts.keyspace.tag.set(at.namespace, tag, this.newToken(), 60_000)
    return reply
  }
}

class PutDropsItsTags extends MemoryCommands {
  override put(at: Place, request: PutRequest, deadlineMs: number): PutReply {
    return super.put(at, { ...request, tags: [] }, deadlineMs)
  }
}

class QuarantineIsIgnored extends MemoryCommands {
  protected override isQuarantined(): boolean {
    return false
  }
}

class QuarantineOfTagsIsIgnored extends MemoryCommands {
  protected override isQuarantined(at: Place, key: string): boolean {
    return super.isQuarantined(at, key, [])
  }
}

class QuarantineOfKeysReachesTags extends MemoryCommands {
  protected override isQuarantined(at: Place, key: string, tags: readonly string[]): boolean {
    return [key, ...tags].some((name) => super.isQuarantined(at, name, tags))
  }
}

class QuarantineHoldsEverywhere extends MemoryCommands {
  #isHeld = false

  override quarantine(...args: Parameters<MemoryCommands['quarantine']>): void {
    this.#isHeld = true
    super.quarantine(...args)
  }

  protected override isQuarantined(at: Place, key: string, tags: readonly string[]): boolean {
    return this.#isHeld || super.isQuarantined(at, key, tags)
  }
}

class QuarantineNeverEnds extends MemoryCommands {
  protected override isLive(members: Quarantine | undefined): boolean {
    return members !== undefined && members.size > 0
  }
}

class EndOfQuarantineFreesAll extends MemoryCommands {
  protected override withoutMember(): Quarantine {
    return new Map()
  }
}

class EndOfQuarantineVoidsLeases extends MemoryCommands {
  override unquarantine(...[at, names, token]: Parameters<MemoryCommands['unquarantine']>): void {
    super.unquarantine(at, names, token)
    for (const key of names.keys) this.voidLease(at, key)
  }
}

class QuarantineHasOneMember extends MemoryCommands {
  protected override withMember(_members: Quarantine | undefined, token: Token, lifeMs: number): Quarantine {
    return super.withMember(undefined, token, lifeMs)
  }
}

class QuarantineIsNotRenewed extends MemoryCommands {
  protected override withMember(members: Quarantine | undefined, token: Token, lifeMs: number): Quarantine {
    return members?.has(token) ? members : super.withMember(members, token, lifeMs)
  }
}

class QuarantineStopsInvalidation extends MemoryCommands {
  override invalidate(at: Place, keys: readonly string[]): void {
    super.invalidate(
      at,
      keys.filter((key) => !this.isQuarantined(at, key, [])),
    )
  }
}

class FullMemoryStoresAnyway extends MemoryCommands {
  protected override refuseIfFull(): void {}
}

class FullMemoryRefusesEverything extends MemoryCommands {
  override invalidate(at: Place, keys: readonly string[]): void {
    this.refuseIfFull()
    super.invalidate(at, keys)
  }

  override invalidateTags(at: Place, tags: readonly string[]): void {
    this.refuseIfFull()
    super.invalidateTags(at, tags)
  }

  override expireTags(at: Place, tags: readonly string[]): void {
    this.refuseIfFull()
    super.expireTags(at, tags)
  }

  override clear(at: Place): void {
    this.refuseIfFull()
    super.clear(at)
  }

  override quarantine(...args: Parameters<MemoryCommands['quarantine']>): void {
    this.refuseIfFull()
    super.quarantine(...args)
  }
}

class RestartIsNotNoticed extends MemoryCommands {
  override admit(namespace: string, runId: Token): void {
    if (this.parts.keyspace.marker.get(namespace, '') === undefined) super.admit(namespace, runId)
  }
}

/** Finding 7: NOLOOP, or a fill that only writes. */
class OwnWritesAreUntracked extends MemoryCommands {
  protected override store(at: Place, key: string, entry: NewEntry): void {
    super.store(at, key, entry)
    this.parts.tracking.forget(at.session, { kind: 'value', namespace: at.namespace, name: key })
  }
}

class OwnWritesArePushed extends MemoryCommands {
  protected override store(at: Place, key: string, entry: NewEntry): void {
    super.store(at, key, entry)
    this.parts.keyspace.value.set(at.namespace, key, encodeEntry(entry, key, this.parts.now()), entry.keepMs)
    this.track(at, 'value', key)
  }
}

class TrackedOnce extends MemoryCommands {
  readonly #seen = new Set<string>()

  protected override track(...[at, kind, name]: Parameters<MemoryCommands['track']>): void {
    const id = JSON.stringify([kind, at.namespace, name, this.#sessionId(at)])
    if (this.#seen.has(id)) return
    this.#seen.add(id)
    super.track(at, kind, name)
  }

  readonly #sessions: Place['session'][] = []

  #sessionId({ session }: Place): number {
    if (!this.#sessions.includes(session)) this.#sessions.push(session)
    return this.#sessions.indexOf(session)
  }
}

class TokensAreUntracked extends MemoryCommands {
  protected override track(...[at, kind, name]: Parameters<MemoryCommands['track']>): void {
    if (kind === 'value' || kind === 'lease') super.track(at, kind, name)
  }
}

class ReadsAreUntracked extends MemoryCommands {
  override read(at: Place, request: ReadRequest): RawRead {
    const values = request.keys.map((key) => this.parts.keyspace.value.get(at.namespace, key))
    return { ...super.read(at, { ...request, keys: [] }), values }
  }
}

/** Stores something else than it was given. */
function storing(change: (entry: NewEntry) => NewEntry): typeof MemoryCommands {
  return class extends MemoryCommands {
    protected override store(at: Place, key: string, entry: NewEntry): void {
      super.store(at, key, change(entry))
    }
  }
}

/** The rules of the model, each broken. The key is the defect. */
export const ruleMutants: Readonly<Record<string, typeof MemoryCommands>> = {
  'everyone holds the lease': EveryoneHoldsTheLease,
  'a lease outlives its connection': LeaseOutlivesItsConnection,
  'a lease never expires': LeaseNeverExpires,
  'a renewal is forgotten': RenewalIsForgotten,
  'strangers release': StrangersRelease,
  'a release keeps the lease': ReleaseKeepsTheLease,
  'an invalidation keeps the lease': InvalidationKeepsTheLease,
  'an expire keeps the lease': ExpireKeepsTheLease,
  'a put keeps the lease': PutKeepsTheLease,
  'a fill keeps the lease': FillKeepsTheLease,
  'a quarantine keeps the lease': QuarantineKeepsTheLease,
  'acquire always wins': AcquireAlwaysWins,
  'acquire overlooks values': AcquireOverlooksValues,
  'acquire forgets what was seen': AcquireForgetsWhatWasSeen,
  'found takes the lease': FoundTakesTheLease,
  'nothing is minted': NothingIsMinted,
  'looks mint': LooksMint,
  'minting replaces what is there': MintsOverWhatIsThere,
  'tokens come round': TokensComeRound,
  'tokens are counters': TokensAreCounters,
  'a namespace token is the same when minted again': NamespaceTokenIsItsName,
  'tags keep the epoch': TagsKeepTheEpoch,
  'tags of one name are one in all namespaces': TagsOfOneNameAreOne,
  'invalidated tags keep their tokens': InvalidatedTagsAreForgotten,
  'tags replace the namespace token': TagsReplaceTheNamespaceToken,
  'only the first key is invalidated': InvalidatesTheFirstOnly,
  'keys are invalidated in all namespaces': InvalidatesEveryNamespace,
  'an invalidation or a put voids every lease': InvalidatesEveryLease,
  'an expire removes': ExpireRemoves,
  'an expire does nothing': ExpireDoesNothing,
  'expireTags replaces the hard part': ExpireTagsReplacesTheHardPart,
  'expireTags keeps the soft part': ExpireTagsKeepsTheSoftPart,
  'expireTags does nothing to a missing tag': ExpireOfAMissingTagDoesNothing,
  'invalidateTags is soft': InvalidateTagsIsSoft,
  'a clear reaches longer names': ClearReachesLongerNames,
  'a clear does nothing': ClearDoesNothing,
  'names are joined': NamesAreJoined,
  'versions are ignored': VersionsAreIgnored,
  'versions are doubles': VersionsAreDoubles,
  'a versioned put plants itself': VersionedPutPlantsItself,
  'a versioned put is never stored': VersionedPutIsNeverStored,
  'a put that stored nothing says stored': OlderPutSaysStored,
  'a put keeps the version': PutKeepsTheVersion,
  'a put ignores its deadline': PutIgnoresItsDeadline,
  'a put takes tokens of its own': PutTakesTokensOfItsOwn,
  'a put drops its tags': PutDropsItsTags,
  'quarantine is ignored': QuarantineIsIgnored,
  'quarantine of tags is ignored': QuarantineOfTagsIsIgnored,
  'quarantine of keys reaches tags': QuarantineOfKeysReachesTags,
  'quarantine holds everywhere': QuarantineHoldsEverywhere,
  'quarantine never ends': QuarantineNeverEnds,
  'the end of a quarantine frees all': EndOfQuarantineFreesAll,
  'the end of a quarantine voids leases': EndOfQuarantineVoidsLeases,
  'quarantine has one member': QuarantineHasOneMember,
  'quarantine is not renewed': QuarantineIsNotRenewed,
  'quarantine stops invalidation': QuarantineStopsInvalidation,
  'full memory stores anyway': FullMemoryStoresAnyway,
  'full memory refuses everything': FullMemoryRefusesEverything,
  'a restart is not noticed': RestartIsNotNoticed,
  'own writes are untracked': OwnWritesAreUntracked,
  'own writes are pushed': OwnWritesArePushed,
  'a key is tracked once': TrackedOnce,
  'tokens are untracked': TokensAreUntracked,
  'reads are untracked': ReadsAreUntracked,
  'payloads are cut at 64 KB': storing((entry) => ({ ...entry, payload: entry.payload.subarray(0, 65_535) })),
  'at most 64 tags are kept': storing((entry) => ({ ...entry, tags: entry.tags.slice(0, 64) })),
  'soft parts are dropped': storing((entry) => ({
    ...entry,
    tags: entry.tags.map((tag) => ({ ...tag, token: tag.token.slice(0, 8) })),
  })),
  'lives are 31 bits': storing((entry) => ({ ...entry, ttlMs: entry.ttlMs % 2 ** 31 })),
  'values are kept for long': storing((entry) => ({ ...entry, keepMs: entry.keepMs * 10 })),
  'values are fresh while they are kept': storing((entry) => ({ ...entry, ttlMs: entry.keepMs })),
  'codecs are 7 bits': storing((entry) => ({ ...entry, codec: entry.codec & 0x7f })),
  'namespace tokens are lost': storing((entry) => ({ ...entry, namespaceToken: 'no token' })),
  'load times are lost': storing((entry) => ({ ...entry, loadMs: 0 })),
}
