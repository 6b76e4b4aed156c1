import type { Ability, FaultContender } from './contender.ts'

const IOREDIS =
  'ioredis 6.0.0 with commandTimeout 250 ms, socketTimeout 1 s, enableOfflineQueue off, one retry per request and ' +
  'reconnects at most 0.5 s apart'
const NO_LEASE = ['lease'] as const
const NO_RESILIENCE = ['lease', 'loader timeout', 'stale on error'] as const
const NOTHING = ['L1', 'single flight', ...NO_RESILIENCE, 'bus'] as const satisfies readonly Ability[]

/** Every contender set up as well as its documents allow: with all that they, or its client's, offer against faults. */
export const contenders: readonly FaultContender[] = [
  {
    name: 'holdfast',
    settings: 'swr 5 min and staleIfError 1 day, as its README shows; everything else as it comes',
    lacks: [],
    opener: async () => (await import('./contenders/holdfast.ts')).openHoldfast,
  },
  {
    name: 'bentocache',
    settings:
      'grace 1 day with a backoff of 1 s, timeout 200 ms (then the stale value), suppressL2Errors but for deletes, ' +
      'l2CircuitBreakerDuration 0.75 s, its Redis bus where a row has several processes; ' +
      IOREDIS,
    lacks: NO_LEASE,
    opener: async () => (await import('./contenders/bentocache.ts')).openBentocache,
  },
  {
    name: 'cacheable',
    settings:
      '@keyv/redis as its guide has it for not hanging (disableOfflineQueue, no reconnectStrategy, throwOnConnectError ' +
      'off), and a socketTimeout of 230 ms with a pingInterval of 50 ms, connects in 250 ms; nonBlocking, but reads wait ' +
      'for L2, which would else never answer a cold L1; throwErrors for those of the loader; CacheableSync on ' +
      '@qified/redis where a row has several processes, with a listener for its errors that it has no public way to add',
    lacks: NO_RESILIENCE,
    opener: async () => (await import('./contenders/cacheable.ts')).openCacheable,
  },
  {
    name: 'layered-loader',
    settings: `its handlers of errors, its notification pair where a row has several processes; ${IOREDIS}`,
    lacks: NO_RESILIENCE,
    opener: async () => (await import('./contenders/layered-loader.ts')).openLayeredLoader,
  },
  {
    name: 'by hand',
    settings: `GET, else load and SET; errors of Redis on a read or a fill are logged, and no fill is waited for; ${IOREDIS}`,
    lacks: NOTHING,
    opener: async () => (await import('./contenders/by-hand.ts')).openByHand,
  },
]

/** The same libraries as their guides show them first, without a setting against faults. */
export const guideContenders: readonly FaultContender[] = [
  {
    name: 'bentocache (guide)',
    settings: 'memory and Redis, grace 1 day',
    lacks: NO_LEASE,
    opener: async () => (await import('./contenders/bentocache.ts')).openBentocacheByGuide,
  },
  {
    name: 'cacheable (guide)',
    settings: 'createKeyv of @keyv/redis as secondary',
    lacks: NO_RESILIENCE,
    opener: async () => (await import('./contenders/cacheable.ts')).openCacheableByGuide,
  },
  {
    name: 'layered-loader (guide)',
    settings: 'RedisCache on a plain ioredis',
    lacks: NO_RESILIENCE,
    opener: async () => (await import('./contenders/layered-loader.ts')).openLayeredLoaderByGuide,
  },
  {
    name: 'by hand (guide)',
    settings: 'GET, else load and SET',
    lacks: NOTHING,
    opener: async () => (await import('./contenders/by-hand.ts')).openByHandByGuide,
  },
]

/** A contender that keeps none of its promises: the judge has to say so. Used by tests alone. */
export const naiveContender: FaultContender = {
  name: 'naive',
  settings: 'a Map in front of Redis, without a thought of faults',
  lacks: [],
  opener: async () => (await import('./contenders/naive.ts')).openNaive,
}

/** Finds a contender by its name in the table. */
export function contenderOf(name: string): FaultContender {
  const all = [...contenders, ...guideContenders, naiveContender]
  const found = all.find((contender) => contender.name === name)
  if (found !== undefined) return found
  throw new TypeError(`no such contender: ${name}; known are ${all.map((each) => each.name).join(', ')}`)
}
