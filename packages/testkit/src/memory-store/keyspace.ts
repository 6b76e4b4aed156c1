import type { TagToken, Token } from 'holdfast/contracts'
import type { ServerName, Session } from './model.ts'
import { Shelf, type ShelfCopy } from './shelf.ts'

export interface Lease {
  readonly token: Token
  readonly session: Session
}

/** Token of a quarantine → when it ends, in server time. */
export type Quarantine = ReadonlyMap<Token, number>

/** Everything a server holds at one moment. */
export interface MemorySnapshot {
  readonly value: ShelfCopy<Buffer>
  readonly lease: ShelfCopy<Lease>
  readonly tag: ShelfCopy<TagToken>
  readonly namespace: ShelfCopy<Token>
  readonly epoch: ShelfCopy<Token>
  readonly marker: ShelfCopy<Token>
  readonly keyQuarantine: ShelfCopy<Quarantine>
  readonly tagQuarantine: ShelfCopy<Quarantine>
}

/** The server's data: one shelf per kind of name. `changed` is called for every name that is written or gone. */
export class Keyspace {
  readonly value: Shelf<Buffer>
  readonly lease: Shelf<Lease>
  readonly tag: Shelf<TagToken>
  readonly namespace: Shelf<Token>
  readonly epoch: Shelf<Token>
  /** The run id of the server that last admitted a namespace (rule R). */
  readonly marker: Shelf<Token>
  readonly keyQuarantine: Shelf<Quarantine>
  readonly tagQuarantine: Shelf<Quarantine>

  constructor(now: () => number, changed: (name: ServerName) => void) {
    this.value = new Shelf('value', now, changed)
    this.lease = new Shelf('lease', now, changed)
    this.tag = new Shelf('tag', now, changed)
    this.namespace = new Shelf('namespace', now, changed)
    this.epoch = new Shelf('epoch', now, changed)
    this.marker = new Shelf('marker', now, changed)
    this.keyQuarantine = new Shelf('keyQuarantine', now, changed)
    this.tagQuarantine = new Shelf('tagQuarantine', now, changed)
  }

  get size(): number {
    return this.#shelves().reduce((sum, shelf) => sum + shelf.size, 0)
  }

  delete(name: ServerName): boolean {
    return this[name.kind].delete(name.namespace, name.name)
  }

  /** Without pushes of single names: whoever empties a server tells of everything at once. */
  clear(): void {
    for (const shelf of this.#shelves()) shelf.clear()
  }

  snapshot(): MemorySnapshot {
    return {
      value: this.value.copy(),
      lease: this.lease.copy(),
      tag: this.tag.copy(),
      namespace: this.namespace.copy(),
      epoch: this.epoch.copy(),
      marker: this.marker.copy(),
      keyQuarantine: this.keyQuarantine.copy(),
      tagQuarantine: this.tagQuarantine.copy(),
    }
  }

  restore(snapshot: MemorySnapshot): void {
    this.value.restore(snapshot.value)
    this.lease.restore(snapshot.lease)
    this.tag.restore(snapshot.tag)
    this.namespace.restore(snapshot.namespace)
    this.epoch.restore(snapshot.epoch)
    this.marker.restore(snapshot.marker)
    this.keyQuarantine.restore(snapshot.keyQuarantine)
    this.tagQuarantine.restore(snapshot.tagQuarantine)
  }

  #shelves(): readonly { readonly size: number; clear(): void }[] {
    return [
      this.value,
      this.lease,
      this.tag,
      this.namespace,
      this.epoch,
      this.marker,
      this.keyQuarantine,
      this.tagQuarantine,
    ]
  }
}
