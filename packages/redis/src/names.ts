/**
 * Key names in Redis, specified in docs/wire/redis.md. `<kind>:{<length of ns>:<ns><name>}`: the length keeps any two
 * namespaces apart, and all names of one key share its hash slot.
 */

/** v value, l lease, q quarantine of a key, x quarantine of a tag, t tag token; i, without namespace, a process's beacon. */
export type NamedKind = 'v' | 'l' | 'q' | 'x' | 't' | 'i'

/** n namespace token, e tag epoch, i mark of the server (rule R). */
export type NamespaceKind = 'n' | 'e' | 'i'

/** What a pushed key name stands for. */
export interface ParsedName {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** The names of one namespace. */
export class Names {
  readonly #inner: string

  constructor(namespace: string) {
    this.#inner = `:{${namespace.length}:${namespace}`
  }

  of(kind: NamedKind, name: string): string {
    return `${kind}${this.#inner}${name}}`
  }

  own(kind: NamespaceKind): string {
    return `${kind}${this.#inner}}`
  }
}

/** Reads a name back; undefined: it is none of ours. */
export function parseName(bytes: Buffer): ParsedName | undefined {
  const text = bytes.toString('utf8')
  const match = /^([vlqxtnei]):\{(\d{1,9}):/.exec(text)
  if (match === null || !text.endsWith('}')) return undefined
  const [head, kind = '', length] = match
  const nameAt = head.length + Number(length)
  return { kind, namespace: text.slice(head.length, nameAt), name: text.slice(nameAt, -1) }
}
