import type {
  NamespaceStore,
  Store,
  StoreCapabilities,
  StoreDefinition,
  StoreEnvironment,
  StoreWatcher,
} from 'holdfast/contracts'

/** What a decorator changes of a namespace; all else goes through. */
export interface StoreDecoration {
  readonly capabilities?: Partial<StoreCapabilities>
  namespace?(inner: NamespaceStore, environment: StoreEnvironment): Partial<NamespaceStore>
  watcher?(inner: StoreWatcher, environment: StoreEnvironment): Partial<StoreWatcher>
}

/** Any store with some of its operations, or what it tells its watchers, replaced. */
export function decorateStore(definition: StoreDefinition, decoration: StoreDecoration): StoreDefinition {
  return {
    open: (environment) => {
      const store = definition.open(environment)
      return {
        ...forwardStore(store),
        capabilities: { ...store.capabilities, ...decoration.capabilities },
        // A spread would freeze the answer of the moment.
        get online() {
          return store.online
        },
        get lastError() {
          return store.lastError
        },
        namespace: (name, watcher) => {
          const told = { ...forwardWatcher(watcher), ...decoration.watcher?.(watcher, environment) }
          const inner = store.namespace(name, told)
          return {
            ...forwardNamespace(inner),
            ...decoration.namespace?.(inner, environment),
            // As above.
            get owed() {
              return inner.owed ?? 0
            },
            get servers() {
              return inner.servers
            },
          }
        },
      }
    },
  }
}

function forwardStore(store: Store): Omit<Store, 'online' | 'lastError' | 'namespace'> {
  return {
    capabilities: store.capabilities,
    address: store.address,
    barrier: (by) => store.barrier(by),
    inspect: (by) => store.inspect(by),
    close: () => store.close(),
  }
}

function forwardNamespace(inner: NamespaceStore): Omit<NamespaceStore, 'owed' | 'servers'> {
  return {
    part: inner.part === undefined ? undefined : (key) => inner.part?.(key) ?? 0,
    serverOf: inner.serverOf === undefined ? undefined : (key) => inner.serverOf?.(key),
    read: (request, by) => inner.read(request, by),
    tokens: (key, tags, mintLifeMs, by) => inner.tokens(key, tags, mintLifeMs, by),
    acquire: (request, by) => inner.acquire(request, by),
    renew: (key, token, leaseMs, by) => inner.renew(key, token, leaseMs, by),
    fill: (request, by) => inner.fill(request, by),
    release: (key, token, by) => inner.release(key, token, by),
    invalidate: (keys, by) => inner.invalidate(keys, by),
    invalidateTags: (tags, by) => inner.invalidateTags(tags, by),
    expire: (keys, by) => inner.expire(keys, by),
    expireTags: (tags, by) => inner.expireTags(tags, by),
    clear: (by) => inner.clear(by),
    put: (request, by) => inner.put(request, by),
    quarantine: (names, token, lifeMs, by) => inner.quarantine(names, token, lifeMs, by),
    unquarantine: (names, token, by) => inner.unquarantine(names, token, by),
    close: () => inner.close(),
  }
}

function forwardWatcher(inner: StoreWatcher): StoreWatcher {
  return {
    keyChanged: (key) => inner.keyChanged(key),
    leaseChanged: (key) => inner.leaseChanged(key),
    tagChanged: (tag) => inner.tagChanged(tag),
    namespaceChanged: () => inner.namespaceChanged(),
    everythingChanged: () => inner.everythingChanged(),
    connected: (facts) => inner.connected(facts),
    lost: () => inner.lost(),
    verified: (sentAtMs) => inner.verified(sentAtMs),
    heldTags: (max) => inner.heldTags?.(max) ?? [],
    serversChanged: () => inner.serversChanged?.(),
  }
}
