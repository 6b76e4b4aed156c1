import {
  CacheError,
  type Clock,
  decodeEntry,
  encodeEntry,
  expireEntry,
  hardPart,
  type NewEntry,
  softPart,
  type TagToken,
  type Token,
  type Tokens,
} from 'holdfast/contracts'
import type { Keyspace, Quarantine } from './keyspace.ts'
import type { NameKind, Session } from './model.ts'
import type { Tracking } from './tracking.ts'

/** Who asks, and about which namespace. */
export interface Place {
  readonly session: Session
  readonly namespace: string
}

/** What the commands work on. */
export interface CommandParts {
  readonly keyspace: Keyspace
  readonly tracking: Tracking
  readonly clock: Clock
  /** Server time. */
  now(): number
  /** Whether memory is full under noeviction: nothing new is stored, everything can be removed. */
  isFull(): boolean
}

// Life of a tag token that is replaced where none was: long enough for every entry a test makes.
const REPLACED_TAG_LIFE_MS = 86_400_000
// Tags live four entry lives and are extended when less than one remains (protocol 4.2).
const ENTRY_LIVES_PER_TAG = 4

/**
 * The rules that the server's commands are made of, one method each, so that a mutant is a subclass that
 * overrides one of them.
 */
export class MemoryRules {
  protected readonly parts: CommandParts

  constructor(parts: CommandParts) {
    this.parts = parts
  }

  protected newToken(): Token {
    return this.parts.clock.token()
  }

  /** Rule F, and C: a lease belongs to the connection that won it. */
  protected holdsLease(at: Place, key: string, token: Token): boolean {
    const lease = this.parts.keyspace.lease.get(at.namespace, key)
    return lease !== undefined && lease.token === token && lease.session === at.session
  }

  protected grantLease(at: Place, key: string, token: Token, leaseMs: number): void {
    this.parts.keyspace.lease.set(at.namespace, key, { token, session: at.session }, leaseMs)
  }

  protected voidLease(at: Place, key: string): void {
    this.parts.keyspace.lease.delete(at.namespace, key)
  }

  /** Rule T', first half: whoever invalidates a tag replaces the epoch before. */
  protected replaceEpoch(at: Place): void {
    const { epoch } = this.parts.keyspace
    if (this.parts.isFull()) epoch.delete(at.namespace, '')
    else epoch.set(at.namespace, '', this.newToken(), Number.POSITIVE_INFINITY)
  }

  protected replaceTag(at: Place, tag: string): void {
    const { tag: shelf } = this.parts.keyspace
    if (this.parts.isFull()) shelf.delete(at.namespace, tag)
    else {
      const lifeMs = shelf.lifeMs(at.namespace, tag) || REPLACED_TAG_LIFE_MS
      shelf.set(at.namespace, tag, this.newToken(), lifeMs)
    }
  }

  protected softened(token: TagToken): TagToken {
    return hardPart(token) + softPart(this.parts.now(), this.newToken())
  }

  protected isSeen(value: Buffer, key: string, seen: string | undefined): boolean {
    return seen !== undefined && decodeEntry(value, key, this.parts.now()).seen === seen
  }

  protected isTooLate(deadlineMs: number): boolean {
    return this.parts.now() >= deadlineMs
  }

  protected isQuarantined(at: Place, key: string, tags: readonly string[]): boolean {
    const { keyQuarantine, tagQuarantine } = this.parts.keyspace
    return (
      this.isLive(keyQuarantine.get(at.namespace, key)) ||
      tags.some((tag) => this.isLive(tagQuarantine.get(at.namespace, tag)))
    )
  }

  protected isLive(members: Quarantine | undefined): boolean {
    for (const endsAtMs of members?.values() ?? []) if (endsAtMs > this.parts.now()) return true
    return false
  }

  protected withoutMember(members: Quarantine | undefined, token: Token): Quarantine {
    return new Map([...(members ?? [])].filter(([member]) => member !== token))
  }

  /**
   * Whether a versioned write must not be stored. A put needs an entry to compare with, else a delayed older
   * writer would plant itself; an entry without a version is older than every version.
   */
  protected isOlder(at: Place, key: string, version: bigint | undefined, command: 'fill' | 'put'): boolean {
    if (version === undefined) return false
    const bytes = this.parts.keyspace.value.get(at.namespace, key)
    const held = bytes === undefined ? undefined : decodeEntry(bytes, key, this.parts.now())
    if (held === undefined || !held.readable) return command === 'put'
    return held.version !== undefined && held.version >= version
  }

  protected markStale(at: Place, key: string): void {
    const { value: shelf } = this.parts.keyspace
    const bytes = shelf.get(at.namespace, key)
    if (bytes === undefined || !decodeEntry(bytes, key, this.parts.now()).readable) return
    const marked = expireEntry(bytes, this.parts.now())
    shelf.set(at.namespace, key, marked, shelf.lifeMs(at.namespace, key))
  }

  /** The writer's own key stays tracked and is not pushed to it: its next foreign change will be. */
  protected store(at: Place, key: string, entry: NewEntry): void {
    this.refuseIfFull()
    this.parts.tracking.forget(at.session, { kind: 'value', namespace: at.namespace, name: key })
    const bytes = encodeEntry(entry, key, this.parts.now())
    this.parts.keyspace.value.set(at.namespace, key, bytes, entry.keepMs)
    this.track(at, 'value', key)
  }

  protected track(at: Place, kind: NameKind, name: string): void {
    this.parts.tracking.remember(at.session, { kind, namespace: at.namespace, name })
  }

  protected readValue(at: Place, key: string): Buffer | undefined {
    this.track(at, 'value', key)
    return this.parts.keyspace.value.get(at.namespace, key)
  }

  protected readTags(at: Place, tags: readonly string[]): ReadonlyMap<string, TagToken> {
    const found = new Map<string, TagToken>()
    for (const tag of tags) {
      this.track(at, 'tag', tag)
      const token = this.parts.keyspace.tag.get(at.namespace, tag)
      if (token !== undefined) found.set(tag, token)
    }
    return found
  }

  protected readTokens(at: Place, tags: readonly string[]): Tokens {
    const { namespace, epoch } = this.parts.keyspace
    this.track(at, 'namespace', '')
    this.track(at, 'epoch', '')
    return {
      namespace: namespace.get(at.namespace, ''),
      epoch: epoch.get(at.namespace, ''),
      tags: this.readTags(at, tags),
    }
  }

  /** With full memory nothing is minted: what is missing stays missing, which matches nothing. */
  protected mintTokens(at: Place, tags: readonly string[], lifeMs: number): Tokens {
    if (!this.parts.isFull()) {
      const { namespace, epoch } = this.parts.keyspace
      for (const shelf of [namespace, epoch]) {
        if (shelf.get(at.namespace, '') === undefined) {
          shelf.set(at.namespace, '', this.newToken(), Number.POSITIVE_INFINITY)
        }
      }
      for (const tag of tags) this.mintTag(at, tag, lifeMs)
    }
    return this.readTokens(at, tags)
  }

  protected mintTag(at: Place, tag: string, lifeMs: number): void {
    const { tag: shelf } = this.parts.keyspace
    const token = shelf.get(at.namespace, tag)
    if (token === undefined || shelf.lifeMs(at.namespace, tag) < lifeMs / ENTRY_LIVES_PER_TAG) {
      shelf.set(at.namespace, tag, token ?? this.newToken(), lifeMs)
    }
  }

  protected refuseIfFull(): void {
    if (this.parts.isFull()) {
      throw new CacheError('l2_error', 'the server is out of memory', { tier: 'l2', retryable: true })
    }
  }

  protected withMember(members: Quarantine | undefined, token: Token, lifeMs: number): Quarantine {
    const live = [...(members ?? [])].filter(([, endsAtMs]) => endsAtMs > this.parts.now())
    return new Map([...live, [token, this.parts.now() + lifeMs]])
  }
}
