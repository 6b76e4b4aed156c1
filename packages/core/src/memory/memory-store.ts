import type { Clock } from '../clock.ts'
import { invalidArgument } from '../errors.ts'
import { createPolicy } from './create-policy.ts'
import { type EvictionPolicy, NO_SLOT, type PolicyName } from './policy.ts'

/** What the store needs to know of an entry; all else in it is its owner's. */
export interface MemoryEntry {
  readonly key: string
  /** A whole number of bytes, 0 or more. Must not change while the entry is held. */
  readonly weightBytes: number
  /**
   * The moment on Clock.now() from which the entry is of no use to anyone (the end of all its windows);
   * Infinity: never. May be changed in place, which the `ttl` policy learns only when the entry is set again.
   */
  forgetAt: number
}

/** Why the store itself removed an entry: its policy chose it, or its time was over when it was found. */
export type RemovalReason = 'evicted' | 'expired'

/** 'full': policy 'none' had no room. 'too_large': heavier than maxBytes. Neither leaves anything under the key. */
export type SetOutcome = 'stored' | 'full' | 'too_large'

export interface MemoryStoreOptions<E extends MemoryEntry> {
  /** 1 to ENTRIES_MAX. */
  readonly maxEntries: number
  /** Most that the weights of the held entries may sum to; 1 or more. */
  readonly maxBytes: number
  readonly policy: PolicyName
  readonly clock: Clock
  /**
   * Told of every entry that the store removes by itself, not of deletes and replacements. Called when the
   * entry is gone and the store is whole, in `set` before the new entry is in. What it throws is counted in
   * `callbackErrors` and changes nothing.
   */
  readonly onRemove?: (entry: E, reason: RemovalReason) => void
}

/** A V8 Map holds 2^24 keys, and one that is half tombstones grows no more. */
export const ENTRIES_MAX: number = 2 ** 23

// A visit costs about 5 ns: a step of the sweep stays far below a millisecond.
const SWEEP_VISITED = 1000
// What a set that finds no room may add to its own cost, some 0.5 µs.
const REFUSED_SWEEP_VISITED = 100
// Arrays over slots start here and double.
const SLOTS_MIN = 64

/**
 * Entries of this process by key, bounded in number and in bytes at every moment. What has passed its
 * `forgetAt` is never returned by a read, and is removed when a read or the sweep comes upon it; until then it
 * counts in `size` and `weightBytes`.
 *
 * A Map leads from key to slot, a small whole number; entries lie in an array over slots, and the policy
 * keeps its own. Nothing is allocated on a read.
 */
export class MemoryStore<E extends MemoryEntry> {
  readonly #maxEntries: number
  readonly #maxBytes: number
  readonly #policyName: PolicyName
  readonly #clock: Clock
  readonly #onRemove: ((entry: E, reason: RemovalReason) => void) | undefined
  #policy: EvictionPolicy
  #slots = new Map<string, number>()
  #entries: (E | undefined)[] = []
  // Slots below #entries.length that hold nothing.
  #free: number[] = []
  #reserved = 0
  #weightBytes = 0
  // Where the next step of the sweep begins.
  #cursor = 0
  #evictions = 0
  #expirations = 0
  #callbackErrors = 0

  constructor(options: MemoryStoreOptions<E>) {
    const { maxEntries, maxBytes } = options
    if (!Number.isSafeInteger(maxEntries) || maxEntries < 1 || maxEntries > ENTRIES_MAX) {
      throw invalidArgument('maxEntries', `a whole number from 1 to ${ENTRIES_MAX}`, maxEntries)
    }
    if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
      throw invalidArgument('maxBytes', 'a whole number of bytes, 1 or more', maxBytes)
    }
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
    this.#policyName = options.policy
    this.#clock = options.clock
    this.#onRemove = options.onRemove
    this.#policy = createPolicy(options.policy, options.clock)
  }

  /** Entries held, forgotten ones that nobody came upon included. */
  get size(): number {
    return this.#slots.size
  }

  /** Sum of the weights of the entries held. */
  get weightBytes(): number {
    return this.#weightBytes
  }

  /** How many entries the policy removed so far that still had time. */
  get evictions(): number {
    return this.#evictions
  }

  /** How many entries were removed so far because their time was over. */
  get expirations(): number {
    return this.#expirations
  }

  /** How often `onRemove` threw so far. */
  get callbackErrors(): number {
    return this.#callbackErrors
  }

  /** Reads, which is a use. `now` spares a reading of the clock to a caller that has one. */
  get(key: string, now?: number): E | undefined {
    const slot = this.#slots.get(key)
    if (slot === undefined) return undefined
    const entry = this.#entries[slot]
    if (entry === undefined) return undefined
    if (isForgotten(entry, now ?? this.#clock.now())) {
      this.#expire(slot, entry)
      return undefined
    }
    this.#policy.used(slot)
    return entry
  }

  /** Reads without being a use: the policy is not told, nothing is removed. */
  peek(key: string, now?: number): E | undefined {
    const entry = this.#held(key)
    return entry === undefined || isForgotten(entry, now ?? this.#clock.now()) ? undefined : entry
  }

  /**
   * Stores, in place of any entry of the same key. Others leave, as the policy says, until both bounds hold with
   * the new one in, which is never itself a victim. Throws `invalid_argument` for a weight or a time that is
   * none.
   */
  set(entry: E, now?: number): SetOutcome {
    checkEntry(entry)
    if (entry.weightBytes > this.#maxBytes) {
      this.delete(entry.key)
      return 'too_large'
    }
    // Each round removes an entry or ends. The held one is looked up anew: onRemove may have changed the store.
    while (!this.#fits(entry)) {
      if (!this.#makeRoom(entry.key, now ?? this.#clock.now())) {
        this.delete(entry.key)
        return 'full'
      }
    }
    const slot = this.#slots.get(entry.key)
    if (slot === undefined) this.#insert(entry)
    else this.#replace(slot, entry)
    return 'stored'
  }

  /** Removes, and returns what was held, be it past its `forgetAt`. */
  delete(key: string): E | undefined {
    const slot = this.#slots.get(key)
    return slot === undefined ? undefined : this.#drop(slot)
  }

  /** Removes every entry that `predicate` holds for; how many. O(slots), not for a hot path. */
  deleteWhere(predicate: (entry: E) => boolean): number {
    let removed = 0
    for (let slot = 0; slot < this.#entries.length; slot++) {
      const entry = this.#entries[slot]
      if (entry === undefined || !predicate(entry)) continue
      this.#drop(slot)
      removed++
    }
    return removed
  }

  /** Removes everything, and gives the arrays back. O(1). */
  clear(): void {
    this.#policy = createPolicy(this.#policyName, this.#clock)
    this.#slots = new Map()
    this.#entries = []
    this.#free = []
    this.#reserved = 0
    this.#weightBytes = 0
    this.#cursor = 0
  }

  /**
   * One bounded step over the entries, removing the forgotten: looks at `visitedMax` slots (default 1000), going
   * on where the last step stopped, round and round. Returns how many it removed. For a timer of the owner.
   */
  sweep(visitedMax: number = SWEEP_VISITED): number {
    return this.#sweep(visitedMax, this.#clock.now())
  }

  /** Every entry that is not forgotten, in no particular order. The store may change meanwhile. */
  *entries(): IterableIterator<E> {
    for (let slot = 0; slot < this.#entries.length; slot++) {
      const entry = this.#entries[slot]
      if (entry !== undefined && !isForgotten(entry, this.#clock.now())) yield entry
    }
  }

  #held(key: string): E | undefined {
    const slot = this.#slots.get(key)
    return slot === undefined ? undefined : this.#entries[slot]
  }

  #fits(entry: E): boolean {
    const held = this.#held(entry.key)
    const entries = held === undefined ? this.size + 1 : this.size
    const weightBytes = this.#weightBytes - (held?.weightBytes ?? 0) + entry.weightBytes
    return entries <= this.#maxEntries && weightBytes <= this.#maxBytes
  }

  /** Removes one entry that the policy chooses, or the forgotten of one step; false: nothing left. */
  #makeRoom(forKey: string, now: number): boolean {
    const slot = this.#policy.victim()
    if (slot === NO_SLOT) return this.#sweep(REFUSED_SWEEP_VISITED, now) > 0
    const entry = this.#entries[slot]
    if (entry === undefined) return false
    // The old entry of the key was about to be replaced anyhow: that is no eviction.
    if (entry.key === forKey) this.#drop(slot)
    else if (isForgotten(entry, now)) this.#expire(slot, entry)
    else this.#evict(slot, entry)
    return true
  }

  #insert(entry: E): void {
    const slot = this.#free.pop() ?? this.#entries.length
    if (slot === this.#reserved) {
      this.#reserved = Math.min(this.#maxEntries, Math.max(SLOTS_MIN, 2 * this.#reserved))
      this.#policy.reserve(this.#reserved)
    }
    this.#entries[slot] = entry
    this.#slots.set(entry.key, slot)
    this.#weightBytes += entry.weightBytes
    this.#policy.added(slot, entry.forgetAt)
  }

  #replace(slot: number, entry: E): void {
    this.#weightBytes += entry.weightBytes - (this.#entries[slot]?.weightBytes ?? 0)
    this.#entries[slot] = entry
    this.#policy.replaced(slot, entry.forgetAt)
  }

  #drop(slot: number): E | undefined {
    const entry = this.#entries[slot]
    if (entry === undefined) return undefined
    this.#entries[slot] = undefined
    this.#slots.delete(entry.key)
    this.#weightBytes -= entry.weightBytes
    this.#policy.removed(slot)
    this.#free.push(slot)
    return entry
  }

  #sweep(visitedMax: number, now: number): number {
    let removed = 0
    for (let left = Math.min(visitedMax, this.#entries.length); left > 0; left--) {
      if (this.#cursor >= this.#entries.length) this.#cursor = 0
      const slot = this.#cursor++
      const entry = this.#entries[slot]
      if (entry === undefined || !isForgotten(entry, now)) continue
      this.#expire(slot, entry)
      removed++
    }
    return removed
  }

  #evict(slot: number, entry: E): void {
    this.#drop(slot)
    this.#evictions++
    this.#report(entry, 'evicted')
  }

  #expire(slot: number, entry: E): void {
    this.#drop(slot)
    this.#expirations++
    this.#report(entry, 'expired')
  }

  #report(entry: E, reason: RemovalReason): void {
    if (this.#onRemove === undefined) return
    try {
      this.#onRemove(entry, reason)
    } catch {
      this.#callbackErrors++
    }
  }
}

// Also true of a time that was made NaN in place: what cannot be timed is not served.
function isForgotten(entry: MemoryEntry, now: number): boolean {
  return !(now < entry.forgetAt)
}

function checkEntry(entry: MemoryEntry): void {
  if (!Number.isSafeInteger(entry.weightBytes) || entry.weightBytes < 0) {
    throw invalidArgument('weightBytes', 'a whole number of bytes, 0 or more', entry.weightBytes)
  }
  if (Number.isNaN(entry.forgetAt)) throw invalidArgument('forgetAt', 'a moment on the clock', entry.forgetAt)
}
