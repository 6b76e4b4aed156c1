import {
  type AcquireRequest,
  CacheError,
  type FillRequest,
  type Names,
  type PutReply,
  type PutRequest,
  type ReadRequest,
  type Token,
  type Tokens,
} from 'holdfast/contracts'
import { MemoryRules, type Place } from './memory-rules.ts'

/** A value is bytes until its reply is processed: durations count from that moment. */
export interface RawRead {
  readonly value: Buffer | undefined
  readonly tokens: Tokens
}

export type RawAcquired =
  | { readonly state: 'won'; readonly tokens: Tokens }
  | { readonly state: 'quarantined'; readonly tokens: Tokens }
  | { readonly state: 'busy'; readonly holder: Token; readonly tokens: Tokens }
  | { readonly state: 'found'; readonly value: Buffer; readonly tokens: Tokens }

export interface RawFilled {
  readonly stored: boolean
  readonly tokens: Tokens
}

/** The server's commands: one method is one atomic step, as one Lua script is. */
export class MemoryCommands extends MemoryRules {
  /**
   * Rule R: before a server is used, its run id is compared with the namespace's marker; missing or different:
   * the namespace token is replaced, then the marker written.
   */
  admit(namespace: string, runId: Token): void {
    const { keyspace } = this.parts
    if (keyspace.marker.get(namespace, '') === runId) return
    keyspace.namespace.set(namespace, '', this.newToken(), Number.POSITIVE_INFINITY)
    keyspace.marker.set(namespace, '', runId, Number.POSITIVE_INFINITY)
  }

  read(at: Place, request: ReadRequest): RawRead {
    const value = this.readValue(at, request.key)
    if (request.namespace)
      return { value, tokens: { ...this.readTokens(at, request.tags), epoch: undefined } }
    const tags = this.readTags(at, request.tags)
    return { value, tokens: { namespace: undefined, epoch: undefined, tags } }
  }

  tokens(at: Place, tags: readonly string[], mintLifeMs: number | undefined): Tokens {
    return mintLifeMs === undefined ? this.readTokens(at, tags) : this.mintTokens(at, tags, mintLifeMs)
  }

  acquire(at: Place, request: AcquireRequest): RawAcquired {
    const tokens = this.mintTokens(at, request.tags, request.tagLifeMs)
    if (this.isQuarantined(at, request.key, request.tags)) return { state: 'quarantined', tokens }
    const value = this.readValue(at, request.key)
    if (value !== undefined && !this.isSeen(value, request.key, request.seen))
      return { state: 'found', value, tokens }
    const lease = this.parts.keyspace.lease.get(at.namespace, request.key)
    if (lease !== undefined) {
      this.track(at, 'lease', request.key)
      return { state: 'busy', holder: lease.token, tokens }
    }
    this.grantLease(at, request.key, request.token, request.leaseMs)
    return { state: 'won', tokens }
  }

  renew(at: Place, key: string, token: Token, leaseMs: number): boolean {
    if (!this.holdsLease(at, key, token)) return false
    this.grantLease(at, key, token, leaseMs)
    return true
  }

  fill(at: Place, request: FillRequest): RawFilled {
    const { key, token, entry } = request
    const tags = entry.tags.map((tag) => tag.name)
    const stored =
      this.holdsLease(at, key, token) &&
      !this.isQuarantined(at, key, tags) &&
      !this.isOlder(at, key, entry.version, 'fill')
    if (stored) {
      this.store(at, key, entry)
      this.voidLease(at, key)
    }
    return { stored, tokens: this.readTokens(at, tags) }
  }

  release(at: Place, key: string, token: Token): boolean {
    return this.holdsLease(at, key, token) && this.parts.keyspace.lease.delete(at.namespace, key)
  }

  invalidate(at: Place, keys: readonly string[]): void {
    for (const key of keys) {
      this.parts.keyspace.value.delete(at.namespace, key)
      this.voidLease(at, key)
    }
  }

  invalidateTags(at: Place, tags: readonly string[]): void {
    if (tags.length === 0) return
    this.replaceEpoch(at)
    for (const tag of tags) this.replaceTag(at, tag)
  }

  expire(at: Place, keys: readonly string[]): void {
    for (const key of keys) {
      this.markStale(at, key)
      this.voidLease(at, key)
    }
  }

  expireTags(at: Place, tags: readonly string[]): void {
    const { tag: shelf } = this.parts.keyspace
    for (const tag of tags) {
      const token = shelf.get(at.namespace, tag)
      if (token === undefined || this.parts.isFull()) this.invalidateTags(at, [tag])
      else shelf.set(at.namespace, tag, this.softened(token), shelf.lifeMs(at.namespace, tag))
    }
  }

  clear(at: Place): void {
    const { namespace: shelf } = this.parts.keyspace
    if (this.parts.isFull()) shelf.delete(at.namespace, '')
    else shelf.set(at.namespace, '', this.newToken(), Number.POSITIVE_INFINITY)
  }

  /** Refused from `deadlineMs` on, in server time: a put whose caller gave up must not run later. */
  put(at: Place, request: PutRequest, deadlineMs: number): PutReply {
    if (this.isTooLate(deadlineMs)) throw new CacheError('l2_timeout', 'put arrived after its deadline')
    const { key, entry } = request
    if (this.isQuarantined(at, key, request.tags)) {
      return { outcome: 'quarantined', tokens: this.readTokens(at, request.tags) }
    }
    if (this.isOlder(at, key, entry.version, 'put')) {
      this.voidLease(at, key)
      return { outcome: 'older', tokens: this.readTokens(at, request.tags) }
    }
    this.refuseIfFull()
    const tokens = this.mintTokens(at, request.tags, request.tagLifeMs)
    const tags = request.tags.map((name) => ({ name, token: tokens.tags.get(name) ?? this.newToken() }))
    this.store(at, key, { ...entry, namespaceToken: tokens.namespace ?? this.newToken(), tags })
    this.voidLease(at, key)
    return { outcome: 'stored', tokens }
  }

  /** Invalidates first: a writer that dies leaves nothing old, and a load that began before it is void. */
  quarantine(at: Place, names: Names, token: Token, lifeMs: number): void {
    this.invalidate(at, names.keys)
    this.invalidateTags(at, names.tags)
    const { keyQuarantine, tagQuarantine } = this.parts.keyspace
    for (const key of names.keys) {
      const members = this.withMember(keyQuarantine.get(at.namespace, key), token, lifeMs)
      keyQuarantine.set(at.namespace, key, members, Number.POSITIVE_INFINITY)
    }
    for (const tag of names.tags) {
      const members = this.withMember(tagQuarantine.get(at.namespace, tag), token, lifeMs)
      tagQuarantine.set(at.namespace, tag, members, Number.POSITIVE_INFINITY)
    }
  }

  unquarantine(at: Place, names: Names, token: Token): void {
    const { keyQuarantine, tagQuarantine } = this.parts.keyspace
    for (const [shelf, list] of [
      [keyQuarantine, names.keys],
      [tagQuarantine, names.tags],
    ] as const) {
      for (const name of list) {
        const rest = this.withoutMember(shelf.get(at.namespace, name), token)
        if (rest.size === 0) shelf.delete(at.namespace, name)
        else shelf.set(at.namespace, name, rest, Number.POSITIVE_INFINITY)
      }
    }
  }
}
