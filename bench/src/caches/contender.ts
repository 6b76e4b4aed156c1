import type { Product } from '../product.ts'

/** What a cache is opened for. */
export interface CacheSetup {
  readonly url: string
  /** `both` where the library has both; else the tier it has. */
  readonly tiers: 'l1' | 'l2' | 'both'
  readonly ttlMs: number
  /** For how long after ttl the stale value may be answered. Default: never. */
  readonly swrMs?: number
  /** The source of truth. */
  readonly load: (key: string) => Promise<Product>
}

/** A cache as the rows use it: its users' own call, with nothing in between. */
export interface CacheContender {
  getOrSet(key: string): Promise<Product | null | undefined>
  /** Absent where the library knows no tags. */
  readonly set?: (key: string, product: Product, tags: readonly string[]) => Promise<unknown>
  readonly invalidateTag?: (tag: string) => Promise<unknown>
}

export type OpenCache = (setup: CacheSetup) => Promise<CacheContender>
