import type { Product } from '../product.ts'
import type { OpenCache } from './contender.ts'

/** The least that an awaited cache can cost: an async function over a Map. No bound, no expiry, no tier. */
export const openAsyncMap: OpenCache = async ({ load }) => {
  const map = new Map<string, Product>()
  const getOrSet = async (key: string, loader: () => Promise<Product>): Promise<Product> => {
    const held = map.get(key)
    if (held !== undefined) return held
    const loaded = await loader()
    map.set(key, loaded)
    return loaded
  }
  return { getOrSet: (key) => getOrSet(key, () => load(key)) }
}
