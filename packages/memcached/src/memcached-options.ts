import type { TlsSettings } from '@holdfast/wire'

export interface MemcachedOptions {
  /**
   * TLS settings of Node for `memcacheds://` servers: `ca` for one of your own, `cert` and `key` where they ask for them.
   * Servers are verified unless `rejectUnauthorized: false` says otherwise, which is warned of. `false`: the way to
   * `memcached://` servers on other machines is plaintext on purpose, and nothing warns of it.
   */
  readonly tls?: TlsSettings | false
  /**
   * Where several servers keep which key. 'ketama' (default): where libmemcached's weighted ketama does, as other clients
   * can. 'ketama-unweighted': its other form. 'rendezvous': by rendezvous hashing, which spreads more evenly.
   */
  readonly placement?: 'ketama' | 'ketama-unweighted' | 'rendezvous'
  /**
   * Servers that stand in for ones that are away, for at most 10 s a value: URLs as of the servers themselves. While one
   * of them is away itself, what others may have in it cannot be ended: every invalidation of keys that it may hold is
   * 'queued', and `write` rejects. Default: none, the keys of a server that is away are loaded and not stored.
   */
  readonly gutter?: string | readonly string[]
  /**
   * The URL is the configuration endpoint of an ElastiCache cluster, which is asked for its nodes every 10 s. They are
   * reached as it is; beside a `memcacheds://` one a gutter is `memcacheds://` too.
   */
  readonly discovery?: 'elasticache'
}
