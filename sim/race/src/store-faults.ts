import { decorateStore } from '@holdfast/testkit'
import type { StoreDefinition } from 'holdfast/contracts'
import { pause } from './clock.ts'
import { withFillHook } from './store-hooks.ts'

/** Leases of another length than the cache asks for, and never renewed: loads outlive them. */
export function withLease(definition: StoreDefinition, leaseMs: number): StoreDefinition {
  return decorateStore(definition, {
    namespace: (inner) => ({
      acquire: (request, by) => inner.acquire({ ...request, leaseMs }, by),
      renew: async () => true,
    }),
  })
}

/** The reply to a FILL reaches the cache some time after the server sent it. */
export function withLateFills(definition: StoreDefinition, replyMs: () => number): StoreDefinition {
  return withFillHook(definition, () => pause(replyMs()))
}
