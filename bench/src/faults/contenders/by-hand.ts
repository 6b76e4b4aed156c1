import type { Redis } from 'ioredis'
import type { CacheSetup, FaultedCache, OpenFaulted } from '../contender.ts'
import { openPatient, openPlain } from './patient-ioredis.ts'

/** Cache-aside as a careful programmer writes it by hand: Redis may fail a read, never a delete. */
export const openByHand: OpenFaulted = (setup) => {
  const { url, ttlMs, load, tell } = setup
  const client = openPatient(url, tell)
  const held = async (key: string): Promise<unknown> => {
    try {
      const text = await client.get(key)
      return text === null ? undefined : JSON.parse(text)
    } catch (error) {
      tell(error)
      return undefined
    }
  }
  return {
    async getOrSet(key) {
      const found = await held(key)
      if (found !== undefined) return found
      const loaded = await load(key)
      // Nobody has to wait for the fill.
      client.set(key, JSON.stringify(loaded), 'PX', ttlMs).catch(tell)
      return loaded
    },
    delete: (key) => client.unlink(key),
  }
}

/** As guides show it. */
export const openByHandByGuide: OpenFaulted = (setup) => plain(openPlain(setup.url, setup.tell), setup)

function plain(client: Redis, { ttlMs, load }: CacheSetup): FaultedCache {
  return {
    async getOrSet(key) {
      const text = await client.get(key)
      if (text !== null) return JSON.parse(text)
      const loaded = await load(key)
      await client.set(key, JSON.stringify(loaded), 'PX', ttlMs)
      return loaded
    },
    delete: (key) => client.unlink(key),
  }
}
