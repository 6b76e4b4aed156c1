import { Redis } from 'ioredis'
import type { CacheContender, CacheSetup, OpenCache } from './contender.ts'

const UNLINKED_AT_ONCE = 1000

/** Cache-aside as one writes it by hand on ioredis: GET, JSON.parse, else load and SET. */
export const openByHand: OpenCache = (setup) => openOn(new Redis(setup.url), setup)

/** The same, with ioredis' own batching of the commands of a tick. */
export const openByHandPipelined: OpenCache = (setup) =>
  openOn(new Redis(setup.url, { enableAutoPipelining: true }), setup)

async function openOn(client: Redis, { ttlMs, load }: CacheSetup): Promise<CacheContender> {
  await client.ping()
  return {
    async getOrSet(key) {
      const text = await client.get(key)
      if (text !== null) return JSON.parse(text)
      const loaded = await load(key)
      await client.set(key, JSON.stringify(loaded), 'PX', ttlMs)
      return loaded
    },
    // A set of keys per tag, as the guides show it.
    async set(key, product, tags) {
      const batch = client.multi().set(key, JSON.stringify(product), 'PX', ttlMs)
      for (const tag of tags) batch.sadd(`tag:${tag}`, key)
      await batch.exec()
    },
    async invalidateTag(tag) {
      const keys = await client.smembers(`tag:${tag}`)
      for (let i = 0; i < keys.length; i += UNLINKED_AT_ONCE) {
        await client.unlink(...keys.slice(i, i + UNLINKED_AT_ONCE))
      }
      await client.unlink(`tag:${tag}`)
    },
  }
}
