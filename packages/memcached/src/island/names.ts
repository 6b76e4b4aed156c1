import { type MetaKey, metaKey } from '../client/meta-key.ts'

/**
 * v value or lease, w sign of life of whoever loads over a value, q quarantine of a key, x of a tag, t tag token,
 * n namespace token, e tag epoch, i mark of the server, r the pool's record of its ring (docs/wire/memcached.md).
 */
export type NameKind = 'v' | 'w' | 'q' | 'x' | 't' | 'n' | 'e' | 'i' | 'r'

/** Keys of one namespace: `kind:length:namespace name`, so that no two (namespace, name) pairs ever meet. */
export class Names {
  /** The namespace token, which every read asks for. */
  readonly namespace: MetaKey
  readonly epoch: MetaKey
  readonly #scope: string

  constructor(namespace: string) {
    this.#scope = `:${namespace.length}:${namespace}`
    this.namespace = this.own('n')
    this.epoch = this.own('e')
  }

  /** The key of a name of that kind: of a cache key or a tag. */
  of(kind: NameKind, name: string): MetaKey {
    return metaKey(kind + this.#scope + name)
  }

  /** The namespace's own key of that kind. */
  own(kind: NameKind): MetaKey {
    return metaKey(kind + this.#scope)
  }
}
