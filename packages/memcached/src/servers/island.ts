import type { NamespaceStore, Store, StoreEnvironment, StoreWatcher } from 'holdfast/contracts'
import type { ListedServer } from './placement.ts'
import type { RingItems } from './ring-items.ts'

/** One server as a pool uses it: a store by itself, of keys that no other server keeps. */
export interface Island extends Store {
  namespace(name: string, watcher: StoreWatcher): NamespaceStore
  /** What the rings of a namespace keep here. Its operations reject as those of the island do. */
  ringItems(namespace: string): RingItems
  /** Whether a line of the log has said that it is away since this was asked last. */
  takeAbsence(): boolean
}

/** The name that a namespace has on the servers of a ring: by any other ring's it is not found. */
export function nameInRing(epoch: string, namespace: string): string {
  return `${epoch}:${namespace}`
}

/** Opens the island of a server; whoever calls it closes the island. */
export type OpenIsland = (server: ListedServer, environment: StoreEnvironment) => Island
