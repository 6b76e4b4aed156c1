import { pause } from '@holdfast/testkit'
import type { Cache } from 'holdfast'

// Longer than the 300 ms after which a lease is renewed.
const SLOW_LOAD_MS = 400

/** Does whatever a cache can do to its L2, with keys and tags that begin like this. */
export async function useAll(cache: Cache, prefix = ''): Promise<void> {
  const [key, other, tag] = [`${prefix}k`, `${prefix}other`, `${prefix}t`]
  await cache.getOrSet(key, () => 1, { tags: [tag], swr: '1m' })
  await cache.set(key, 2, { tags: [tag] })
  await cache.set(other, 1, { version: 1n })
  await cache.set(key, 3, { version: 2n })
  await cache.getMany([key, other, `${prefix}absent`])
  await cache.getOrSetMany([`${prefix}a`, `${prefix}b`], () => [1, 2])
  await cache.expire(key)
  await cache.refresh(key, () => 3, { tags: [tag] })
  await cache.expireTag(tag)
  await cache.invalidateTag(tag)
  await cache.delete(key)
  await cache.write({ keys: [key], tags: [tag] }, () => 1)
  await cache.getOrSet(`${prefix}fails`, () => Promise.reject(new Error('no'))).catch(() => undefined)
  await cache.getOrSet(`${prefix}slow`, () => pause(SLOW_LOAD_MS).then(() => 1))
  await cache.getEntry(key, { consistency: 'strong' })
  await cache.explain(`${prefix}slow`)
  await cache.inspect()
  await cache.barrier()
  await cache.clear()
}
