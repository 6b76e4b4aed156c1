import type { ReadRequest } from '../contracts.ts'
import type { StandardSchema } from '../options.ts'
import type { MissReason } from '../stats.ts'
import type { CachedValue } from './cached-value.ts'

/** What L2 holds of a key, held against the current tokens. */
export interface L2Answer {
  /** 'absent' also for what must not be served: its tokens are gone, its bytes unreadable. */
  readonly state: 'fresh' | 'stale' | 'absent'
  readonly entry: CachedValue | undefined
  readonly reason: MissReason
  /** What was found, usable or not: `acquire` hands out the lease only over this. */
  readonly seen: string | undefined
}

/** An L2 read under way. */
export interface SharedRead {
  readonly request: ReadRequest
  /** Dropped when it is settled: a Map's old tables would keep the value alive. */
  answer: Promise<L2Answer> | undefined
  readonly validate: StandardSchema | undefined
}
