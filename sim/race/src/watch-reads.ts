import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe } from 'node:diagnostics_channel'
import type { ReadSource } from '@holdfast/testkit'
import type { ReadEvent } from 'holdfast'

const watched = new AsyncLocalStorage<Map<string, ReadSource>>()

/**
 * Runs `work` and tells where the cache found each key that it read: Holdfast publishes every read's outcome on a
 * diagnostics channel, in the context of the caller who read.
 */
export async function watchReads<T>(
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly sources: ReadonlyMap<string, ReadSource> }> {
  const sources = new Map<string, ReadSource>()
  const value = await watched.run(sources, work)
  return { value, sources }
}

subscribe('holdfast:read', (message) => {
  if (isReadEvent(message)) watched.getStore()?.set(message.key, sourceOf(message))
})

function sourceOf({ outcome, tier }: ReadEvent): ReadSource {
  if (outcome === 'stale-hit') return 'stale'
  return outcome === 'miss' || outcome === 'coalesced' ? 'loader' : (tier ?? 'loader')
}

function isReadEvent(message: unknown): message is ReadEvent {
  return typeof message === 'object' && message !== null && 'outcome' in message
}
