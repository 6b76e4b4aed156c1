import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis'
import type { CacheSetup, FaultedCache, OpenFaulted } from '../contender.ts'
import type { Item } from '../source.ts'
import { openPatient, openPatientBus, openPlain } from './patient-ioredis.ts'

const ITEMS_MAX = 100_000

/** Bentocache with everything that its documents offer against faults. */
export const openBentocache: OpenFaulted = (setup) => {
  const { url, ttlMs, loaderTimeoutMs, tell } = setup
  const store = bentostore()
    .useL1Layer(memoryDriver({ maxItems: ITEMS_MAX }))
    .useL2Layer(redisDriver({ connection: openPatient(url, tell) }))
  if (setup.hasBus) store.useBus(redisBusDriver({ connection: openPatientBus(url, tell) }))
  const cache = new BentoCache({
    default: 'faults',
    stores: { faults: store },
    ttl: ttlMs,
    grace: '1d',
    graceBackoff: '1s',
    timeout: 200,
    suppressL2Errors: true,
    l2CircuitBreakerDuration: 750,
    ...(loaderTimeoutMs === undefined ? {} : { hardTimeout: loaderTimeoutMs }),
    logger: loggerOf(tell),
  })
  // A delete that did not reach Redis is to say so: suppressed errors are for reads and fills.
  return { ...facing(cache, setup), delete: (key) => cache.delete({ key, suppressL2Errors: false }) }
}

/** As its guide begins. */
export const openBentocacheByGuide: OpenFaulted = (setup) => {
  const { url, ttlMs, tell } = setup
  const cache = new BentoCache({
    default: 'faults',
    stores: {
      faults: bentostore()
        .useL1Layer(memoryDriver({ maxItems: ITEMS_MAX }))
        .useL2Layer(redisDriver({ connection: openPlain(url, tell) })),
    },
    ttl: ttlMs,
    grace: '1d',
    logger: loggerOf(tell),
  })
  return facing(cache, setup)
}

interface Bento {
  getOrSet(options: { key: string; factory: () => Promise<Item> }): Promise<unknown>
  delete(options: { key: string }): Promise<unknown>
}

function facing(cache: Bento, { load }: CacheSetup): FaultedCache {
  return {
    getOrSet: (key) => cache.getOrSet({ key, factory: () => load(key) }),
    delete: (key) => cache.delete({ key }),
  }
}

function loggerOf(tell: (trouble: unknown) => void) {
  const quiet = (): void => {}
  const logger = {
    trace: quiet,
    debug: quiet,
    info: quiet,
    warn: tell,
    error: tell,
    fatal: tell,
    child: () => logger,
  }
  return logger
}
