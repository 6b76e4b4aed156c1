import type { Clock } from '../clock.ts'
import { invalidArgument } from '../errors.ts'
import { createPolicy } from './create-policy.ts'
import { type EvictionPolicy, NO_SLOT, type PolicyName } from './policy.ts'
import { SlotTable } from './slot-table.ts'

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

/**
 * Most entries of one store. A V8 Map holds 2^24 keys and tombstones, and makes room among them only where half
 * are tombstones: with vacant keys (an eighth more), 7,875,000 are below 2^23, and 8,500,000 were seen to throw.
 */
export const ENTRIES_MAX: number = 7_000_000

// A visit costs about 5 ns: a step of the sweep stays far below a millisecond.
const SWEEP_VISITED = 1000
// What a set that finds no room may add to its own cost, some 0.5 µs.
const REFUSED_SWEEP_VISITED = 100

/**
 * Entries of this process by key, bounded in number and in bytes at every moment. What has passed its
 * `forgetAt` is never returned by a read, and is removed when a read or the sweep comes upon it; until then it
 * counts in `size` and `weightBytes`.
 *
 * A table leads from key to slot, a small whole number, and holds the entries; the policy knows slots only.
 * Nothing is allocated on a read.
 */
export class MemoryStore<E extends MemoryEntry> {
  readonly #maxEntries: number
  readonly #maxBytes: number
  readonly #policyName: PolicyName
  readonly #clock: Clock
  readonly #onRemove: ((entry: E, reason: RemovalReason) => void) | undefined
  #policy: EvictionPolicy
  #table = new SlotTable<E>()
  // Slots that the policy has room for.
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
    return this.#table.size
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
    const slot = this.#table.slotOf(key)
    if (slot === undefined) return undefined
    const entry = this.#table.at(slot)
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
    const slot = this.#table.slotOf(key)
    const entry = slot === undefined ? undefined : this.#table.at(slot)
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
    let slot = this.#table.slotOf(entry.key)
    while (!this.#fits(entry, slot)) {
      // Removes an entry, or ends the loop.
      if (!this.#makeRoom(entry.key, now ?? this.#clock.now())) {
        this.delete(entry.key)
        return 'full'
      }
      // Looked up anew: that entry may have been the key's own, and onRemove may have changed the store.
      slot = this.#table.slotOf(entry.key)
    }
    if (slot === undefined || this.#table.at(slot) === undefined) this.#insert(entry, slot)
    else this.#replace(slot, entry)
    return 'stored'
  }

  /** Removes, and returns what was held, be it past its `forgetAt`. */
  delete(key: string): E | undefined {
    const slot = this.#table.slotOf(key)
    return slot === undefined ? undefined : this.#drop(slot)
  }

  /** Removes every entry that `predicate` holds for; how many. O(slots), not for a hot path. */
  deleteWhere(predicate: (entry: E) => boolean): number {
    let removed = 0
    for (let slot = 0; slot < this.#table.length; slot++) {
      const entry = this.#table.at(slot)
      if (entry === undefined || !predicate(entry)) continue
      this.#drop(slot)
      removed++
    }
    return removed
  }

  /** Removes everything, and gives the arrays back. O(1). */
  clear(): void {
    this.#policy = createPolicy(this.#policyName, this.#clock)
    this.#table = new SlotTable()
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
    for (let slot = 0; slot < this.#table.length; slot++) {
      const entry = this.#table.at(slot)
      if (entry !== undefined && !isForgotten(entry, this.#clock.now())) yield entry
    }
  }

  #fits(entry: E, slot: number | undefined): boolean {
    const held = slot === undefined ? undefined : this.#table.at(slot)
    const entries = held === undefined ? this.size + 1 : this.size
    const weightBytes = this.#weightBytes - (held?.weightBytes ?? 0) + entry.weightBytes
    return entries <= this.#maxEntries && weightBytes <= this.#maxBytes
  }

  /** Removes one entry that the policy chooses, or the forgotten of one step; false: nothing left. */
  #makeRoom(forKey: string, now: number): boolean {
    const slot = this.#policy.victim()
    if (slot === NO_SLOT) return this.#sweep(REFUSED_SWEEP_VISITED, now) > 0
    const entry = this.#table.at(slot)
    if (entry === undefined) return false
    // The old entry of the key was about to be replaced anyhow: that is no eviction.
    if (entry.key === forKey) this.#drop(slot)
    else if (isForgotten(entry, now)) this.#expire(slot, entry)
    else this.#evict(slot, entry)
    return true
  }

  #insert(entry: E, vacantSlot: number | undefined): void {
    const slot = this.#table.add(entry, vacantSlot)
    if (this.#table.reserved > this.#reserved) {
      this.#reserved = this.#table.reserved
      this.#policy.reserve(this.#reserved)
    }
    this.#weightBytes += entry.weightBytes
    this.#policy.added(slot, entry.forgetAt)
  }

  #replace(slot: number, entry: E): void {
    this.#weightBytes += entry.weightBytes - (this.#table.at(slot)?.weightBytes ?? 0)
    this.#table.replace(slot, entry)
    this.#policy.replaced(slot, entry.forgetAt)
  }

  #drop(slot: number): E | undefined {
    const entry = this.#table.at(slot)
    if (entry === undefined) return undefined
    this.#table.vacate(slot, entry)
    this.#weightBytes -= entry.weightBytes
    this.#policy.removed(slot)
    return entry
  }

  #sweep(visitedMax: number, now: number): number {
    let removed = 0
    for (let left = Math.min(visitedMax, this.#table.length); left > 0; left--) {
      if (this.#cursor >= this.#table.length) this.#cursor = 0
      const slot = this.#cursor++
      const entry = this.#table.at(slot)
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
