import type { NamespaceStore, Store, StoreEnvironment, StoreWatcher } from 'holdfast/contracts'
import type { ListedServer } from './placement.ts'

/** One server as a pool uses it: a store by itself, of keys that no other server keeps. */
export interface Island extends Store {
  namespace(name: string, watcher: StoreWatcher): NamespaceStore
}

/** Opens the island of a server; whoever calls it closes the island. */
export type OpenIsland = (server: ListedServer, environment: StoreEnvironment) => Island
