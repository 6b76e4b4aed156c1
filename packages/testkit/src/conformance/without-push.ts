import type { StoreDefinition } from 'holdfast/contracts'
import { decorateStore } from './decorate-store.ts'

/** Any store as one that tells of no change: what a tier without push is like, with all that it does otherwise. */
export function withoutPush(definition: StoreDefinition): StoreDefinition {
  return decorateStore(definition, {
    capabilities: { push: false, lacks: { push: 'turned off' } },
    watcher: () => ({
      keyChanged: ignore,
      leaseChanged: ignore,
      tagChanged: ignore,
      namespaceChanged: ignore,
      everythingChanged: ignore,
      verified: ignore,
    }),
  })
}

function ignore(): void {}
