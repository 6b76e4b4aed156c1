import { changedRead, decorateStore } from '@holdfast/testkit'
import type { FoundEntry, StoreDefinition } from 'holdfast/contracts'

/**
 * A store that hands on its replies in promise continuations, as a client that is built on promises does: behind every
 * push that came in the same chunk. `until`: and not before that. Rule P is what makes it safe.
 */
export function awaitedReplies(
  definition: StoreDefinition,
  until: () => Promise<void> | undefined = () => undefined,
): StoreDefinition {
  return decorateStore(definition, {
    namespace: (inner) => ({
      read: (request, by) => {
        const answered: typeof request.answered = (found, tokens) => {
          const kept = owned(found)
          Promise.resolve(until()).then(() => request.answered(kept, tokens), request.failed)
        }
        inner.read(changedRead(request, { answered }), by)
      },
    }),
  })
}

/** Its bytes are used again when the reply is handled. */
function owned(found: FoundEntry): FoundEntry {
  return found?.readable === true ? { ...found, payload: Uint8Array.from(found.payload) } : found
}
