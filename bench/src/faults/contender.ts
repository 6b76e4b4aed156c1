import type { CacheSettings } from './orders.ts'
import type { Item } from './source.ts'

/** What a cache is opened for. */
export interface CacheSetup extends CacheSettings {
  /** Of Redis, through whatever network is between. */
  readonly url: string
  /** The loader. May throw before it gives a promise. */
  readonly load: (key: string) => Promise<Item>
  /** To be called with every trouble that the library tells its user of. */
  readonly tell: (trouble: unknown) => void
}

/** A cache as its users call it. */
export interface FaultedCache {
  getOrSet(key: string): Promise<unknown>
  delete(key: string): Promise<unknown>
}

/** Makes the cache as a program does when it starts: without waiting for Redis. */
export type OpenFaulted = (setup: CacheSetup) => FaultedCache

/** What a library may have, and a row may need. */
export type Ability = 'L1' | 'single flight' | 'lease' | 'loader timeout' | 'stale on error' | 'bus'

/** One column of the table. */
export interface FaultContender {
  readonly name: string
  /** How it is set up, in words for the table's readers. */
  readonly settings: string
  readonly lacks: readonly Ability[]
  /** Loads the library: only in the process that uses it, so that one that is missing harms no other. */
  readonly opener: () => Promise<OpenFaulted>
}
