import type { PlainRedis } from './plain-redis.ts'

/** The three commands over a Map, where no Redis is found. Holds as many entries as it is given keys. */
export function createPlainMap(): PlainRedis {
  const entries = new Map<string, { readonly value: string; readonly untilMs: number }>()
  return {
    get: async (key) => {
      const entry = entries.get(key)
      return entry !== undefined && performance.now() < entry.untilMs ? entry.value : null
    },
    setex: async (key, seconds, value) => {
      entries.set(key, { value, untilMs: performance.now() + seconds * 1_000 })
    },
    del: async (key) => void entries.delete(key),
    close: () => entries.clear(),
  }
}
