import type { MissReason, Tier } from '../stats.ts'
import type { CachedValue } from './cached-value.ts'

/** What the tiers know of a key. */
export interface Found {
  readonly state: 'fresh' | 'stale' | 'absent'
  readonly entry: CachedValue | undefined
  readonly tier: Tier | undefined
  /** Why it is not fresh. */
  readonly reason: MissReason
  /** swr and staleIfError count from here. */
  readonly staleSince: number
  /** What L2 was seen to hold, usable or not. */
  readonly seen: string | undefined
}
