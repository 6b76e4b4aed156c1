/** What every event of a history has: who did it, and between which two moments. */
interface Span {
  /** Name of the process (or of the cache instance) that did it. */
  readonly process: string
  /** When the call was made. Milliseconds on one monotonic clock for all processes: `hostNow()` on one host. */
  readonly startMs: number
  /** When its outcome was known. Never before `startMs`. */
  readonly endMs: number
}

/** What names one key adds. */
interface OfKey extends Span {
  readonly key: string
  /**
   * Tags that the key's entries carry. The checker joins the tags of all events of a key: they are constant per
   * key, or a key is taken to carry what it carried only once.
   */
  readonly tags?: readonly string[]
}

/** Where a read's value came from. 'stale': whatever the tier, it was handed out as stale. */
export type ReadSource = 'l1' | 'l2' | 'loader' | 'stale'

/** A call that asked the cache for a value. */
export interface ReadEvent extends OfKey {
  readonly kind: 'read'
  readonly source?: ReadSource
  /** The database's version that the value carries; undefined: absent, or an error. */
  readonly version?: number
  /** The key that the value itself carries. */
  readonly valueKey?: string
  /** 'unfinished': it had not settled when the run ended, at `endMs`. Default 'ok'. */
  readonly result?: 'ok' | 'error' | 'unfinished'
}

/** A load under a lease. Starts when the lease was asked for, ends before the fill or release was sent. */
export interface LoadEvent extends OfKey {
  readonly kind: 'load'
  /** The lease's token; undefined: loaded without a lease. */
  readonly token?: string
  /** When the reply that granted the lease was received. Default `startMs`. */
  readonly grantedMs?: number
  /** The server holds the lease at least until then: last (renewal) sent + lease time. Default `endMs`. */
  readonly leasedUntilMs?: number
  /** What the loader read. */
  readonly version?: number
}

/** A loaded value on its way into L2. */
export interface FillEvent extends OfKey {
  readonly kind: 'fill'
  readonly token: string
  readonly version: number
  readonly valueKey?: string
  readonly result: 'stored' | 'refused' | 'unknown'
  /** False: someone who watched the server saw that it acknowledged nothing. */
  readonly serverAcked?: boolean
}

/** A value given to the cache by its user. */
export interface SetEvent extends OfKey {
  readonly kind: 'set'
  readonly version: number
  /** True: the server refuses it where it holds the same or a newer version. Default false: last arrival wins. */
  readonly versioned?: boolean
  readonly result: 'stored' | 'older' | 'refused' | 'unknown'
  /** As for a fill. */
  readonly serverAcked?: boolean
}

/** A delete, a tag invalidation, a clear or their soft forms. */
export interface InvalidateEvent extends Span {
  readonly kind: 'invalidate'
  readonly keys?: readonly string[]
  readonly tags?: readonly string[]
  /** True: a clear. */
  readonly everything?: boolean
  /** True: entries stay as stale ones (expire, expireTag). */
  readonly soft?: boolean
  readonly result: 'applied' | 'queued' | 'unknown'
  /** As for a fill. */
  readonly serverAcked?: boolean
}

/** A write that the database made visible between start and end. */
export interface CommitEvent extends OfKey {
  readonly kind: 'commit'
  /** Grows with every commit of the key. */
  readonly version: number
  /** 'unknown': it may have been committed. Default 'ok'. */
  readonly result?: 'ok' | 'unknown'
}

/** One operation of one process, as a history keeps it. */
export type HistoryEvent = ReadEvent | LoadEvent | FillEvent | SetEvent | InvalidateEvent | CommitEvent
