/**
 * Tags of entries: none, given with the call, or derived from the loaded row, where one of them changes with every
 * version, so that no load can have captured it.
 */
export type TagStyle = 'none' | 'given' | 'derived'

/** What a run does to the cache. Plain data: it is handed to threads. */
export interface Workload {
  readonly l1: 'tracked' | 'strong' | 'bus' | 'none' | 'off'
  /** Δ of L1 'tracked', 'bus' and 'none'. */
  readonly maxStaleMs: number
  readonly tags: TagStyle
  /** 'core': getOrSet, and one kind of invalidation. 'everything': every read and every write there is. */
  readonly calls: 'core' | 'everything'
  readonly nodes: number
  /** Of each node. */
  readonly readers: number
  readonly keys: number
  readonly loadMsMax: number
  /** Time between two writes of one writer. */
  readonly writeMsMax: number
  /** Writers at once. One, where a key's tags change: its next version must not overtake its last invalidation. */
  readonly writers: number
  /** Each node is a thread with an event loop and a connection of its own; otherwise they share one event loop. */
  readonly threads: boolean
  /** Longest time for which a node blocks its event loop now and then; 0: never. */
  readonly stallMsMax: number
  /** Readers and writers go on at least this long: for loads that take longer than a run. */
  readonly runMsMin: number
  /** Longest wait of a FILL's reply at the cache's door; 0: none. */
  readonly fillReplyMsMax: number
  /** The lease that the server grants, not renewed; undefined: the cache's own. */
  readonly leaseMs: number | undefined
  /** Share of loads that fail. */
  readonly loadsFailing: number
  /** Life of an entry; undefined: longer than the run. */
  readonly ttlMs: number | undefined
  /** Stale values are answered for a minute: while one load refreshes, or where it fails. */
  readonly stale: 'never' | 'swr' | 'if-error'
  /** What the servers lose all the time, as full ones do: any name at random, all tokens of tags, or all leases. */
  readonly evicting: 'nothing' | 'anything' | 'tags' | 'leases'
  /** Servers of the shared tier. */
  readonly servers: number
  /** One more stands in for those that are away. */
  readonly gutter: boolean
  /**
   * What befalls the servers all the time. 'restarts': one comes back at once, empty, on its port. 'deaths': one is away
   * for a while before it does. 'partitions': a node does not reach one that others do. 'bus': that is away for a while.
   */
  readonly breaking: 'nothing' | 'restarts' | 'deaths' | 'partitions' | 'bus'
  /** 'away': nothing listens where L2 should be. */
  readonly l2: 'there' | 'away'
}

/** 4 nodes of 8 readers, 4 keys, loads of 0 to 14 ms, a write every 0 to 14 ms: what the protocol was proved with. */
export const WORKLOAD: Workload = {
  l1: 'tracked',
  maxStaleMs: 1000,
  tags: 'none',
  calls: 'core',
  nodes: 4,
  readers: 8,
  keys: 4,
  loadMsMax: 14,
  writeMsMax: 14,
  writers: 1,
  threads: false,
  stallMsMax: 0,
  runMsMin: 0,
  fillReplyMsMax: 0,
  leaseMs: undefined,
  loadsFailing: 0,
  ttlMs: undefined,
  stale: 'never',
  evicting: 'nothing',
  servers: 1,
  gutter: false,
  breaking: 'nothing',
  l2: 'there',
}
