import { decorateStore } from '@holdfast/testkit'
import type { StoreDefinition } from 'holdfast/contracts'

/** Calls `sent` when a READ has been handed to the connection; it leaves at the end of the tick. */
export function withReadHook(definition: StoreDefinition, sent: () => void): StoreDefinition {
  return decorateStore(definition, {
    namespace: (inner) => ({
      read: (request, by) => {
        const reply = inner.read(request, by)
        sent()
        return reply
      },
    }),
  })
}

/** Calls `sent` when a delete has been handed to the connection. */
export function withDeleteHook(definition: StoreDefinition, sent: () => void): StoreDefinition {
  return decorateStore(definition, {
    namespace: (inner) => ({
      invalidate: (keys, by) => {
        const reply = inner.invalidate(keys, by)
        sent()
        return reply
      },
    }),
  })
}

/** Runs `between` when the server has answered a FILL and the cache does not know yet. */
export function withFillHook(definition: StoreDefinition, between: () => Promise<void>): StoreDefinition {
  return decorateStore(definition, {
    namespace: (inner) => ({
      fill: async (request, by) => {
        const filled = await inner.fill(request, by)
        await between()
        return filled
      },
    }),
  })
}
