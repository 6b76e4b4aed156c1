import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe } from 'node:diagnostics_channel'
import type { Outcome, ReadEvent } from 'holdfast'

/** What one piece of work read; its last read counts. */
interface Watched {
  outcome: Outcome | undefined
}

const watched = new AsyncLocalStorage<Watched>()

/**
 * Runs `work` and says how the cache answered the read in it: Holdfast publishes each read's outcome on a
 * diagnostics channel, in the context of the caller who read. Undefined where nothing was read.
 */
export async function watchRead<T>(
  work: () => Promise<T>,
): Promise<{ value: T; outcome: Outcome | undefined }> {
  const own: Watched = { outcome: undefined }
  const value = await watched.run(own, work)
  return { value, outcome: own.outcome }
}

subscribe('holdfast:read', (message) => {
  const own = watched.getStore()
  if (own !== undefined && isReadEvent(message)) own.outcome = message.outcome
})

function isReadEvent(message: unknown): message is ReadEvent {
  return typeof message === 'object' && message !== null && 'outcome' in message
}
