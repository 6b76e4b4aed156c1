/** What a loader is told. */
export interface LoadContext {
  readonly key: string
  /** Fires when the last waiter has left, or the hard timeout has passed: pass it on to the database. */
  readonly signal: AbortSignal
}

/**
 * Reads the source of truth. undefined, which is then part of T, means: do not cache. Its duty: the state it reads
 * is at least as new as its own start (no outer snapshot transaction, no lagging replica).
 */
export type Loader<T = unknown> = (context: LoadContext) => T | Promise<T>
