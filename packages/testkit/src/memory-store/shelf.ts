import type { NameKind, ServerName } from './model.ts'

interface Item<T> {
  readonly name: ServerName
  readonly value: T
  /** Server time. */
  readonly expiresAtMs: number
}

/** A copy of a shelf. Values are never changed in place, so that a shallow copy is a snapshot. */
export type ShelfCopy<T> = ReadonlyMap<string, Item<T>>

/**
 * All names of one kind on the server. Expiry is lazy, as a busy Redis': an expired name is gone for every
 * reader, but its push is sent only when somebody touches it. Holds what the test wrote: nothing is evicted.
 */
export class Shelf<T> {
  readonly #kind: NameKind
  readonly #now: () => number
  readonly #changed: (name: ServerName) => void
  #items = new Map<string, Item<T>>()

  constructor(kind: NameKind, now: () => number, changed: (name: ServerName) => void) {
    this.#kind = kind
    this.#now = now
    this.#changed = changed
  }

  get size(): number {
    return this.#items.size
  }

  get(namespace: string, name: string): T | undefined {
    return this.#live(namespace, name)?.value
  }

  /** Life left; 0 where the name is absent. */
  lifeMs(namespace: string, name: string): number {
    const item = this.#live(namespace, name)
    return item === undefined ? 0 : item.expiresAtMs - this.#now()
  }

  set(namespace: string, name: string, value: T, lifeMs: number): void {
    const serverName = { kind: this.#kind, namespace, name }
    this.#items.set(idOf(namespace, name), {
      name: serverName,
      value,
      expiresAtMs: this.#now() + lifeMs,
    })
    this.#changed(serverName)
  }

  /** Says whether the name was there. Removing an absent name pushes nothing. */
  delete(namespace: string, name: string): boolean {
    const item = this.#live(namespace, name)
    if (item === undefined) return false
    this.#items.delete(idOf(namespace, name))
    this.#changed(item.name)
    return true
  }

  clear(): void {
    this.#items.clear()
  }

  copy(): ShelfCopy<T> {
    return new Map(this.#items)
  }

  restore(copy: ShelfCopy<T>): void {
    this.#items = new Map(copy)
  }

  #live(namespace: string, name: string): Item<T> | undefined {
    const id = idOf(namespace, name)
    const item = this.#items.get(id)
    if (item === undefined || item.expiresAtMs > this.#now()) return item
    this.#items.delete(id)
    this.#changed(item.name)
    return undefined
  }
}

// The length keeps ('t', '1:s') and ('t:1', 's') apart.
function idOf(namespace: string, name: string): string {
  return `${namespace.length}:${namespace}${name}`
}
