import type { CacheContender, CacheSetup, OpenCache } from './contender.ts'

/** Each library is loaded only by the process that measures it: one that is not installed harms no other. */
const OPENERS: Readonly<Record<string, () => Promise<OpenCache>>> = {
  holdfast: async () => (await import('./holdfast.ts')).openHoldfast,
  'holdfast on Memcached': async () => (await import('./holdfast.ts')).openHoldfastOnMemcached,
  'holdfast, tracked': async () => (await import('./holdfast.ts')).openHoldfastTracked,
  'holdfast, missing in L1': async () => (await import('./holdfast.ts')).openHoldfastMissingL1,
  'async Map': async () => (await import('./async-map.ts')).openAsyncMap,
  'by hand': async () => (await import('./by-hand.ts')).openByHand,
  'by hand, auto-pipelining': async () => (await import('./by-hand.ts')).openByHandPipelined,
  bentocache: async () => (await import('./bentocache.ts')).openBentocache,
  'bentocache, sharing': async () => (await import('./bentocache.ts')).openBentocacheSharing,
  cacheable: async () => (await import('./cacheable.ts')).openCacheable,
  'cache-manager': async () => (await import('./cache-manager.ts')).openCacheManager,
  'layered-loader': async () => (await import('./layered-loader.ts')).openLayeredLoader,
  'async-cache-dedupe': async () => (await import('./async-cache-dedupe.ts')).openAsyncCacheDedupe,
  cachified: async () => (await import('./cachified.ts')).openCachified,
}

/** Opens a contender by its name in the tables. */
export async function openCache(name: string, setup: CacheSetup): Promise<CacheContender> {
  const opener = OPENERS[name]
  if (opener === undefined) throw new Error(`unknown contender ${JSON.stringify(name)}`)
  const open = await opener()
  return await open(setup)
}
