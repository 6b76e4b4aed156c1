import { pause } from '@holdfast/testkit'
import type { Cache } from 'holdfast'
import { systemClock } from 'holdfast/contracts'
import { overrunMs } from './overrun.ts'
import { tell } from './tell.ts'
import { openTiers, TIERS } from './tiers.ts'

/** Loaders that fail and hang, in a process that an unhandled rejection would end: `loaders.test-process.ts <tiers> <url>`. */
const [, , name = '', url = ''] = process.argv
const tiers = TIERS.find((one) => one === name) ?? 'L1 alone'
const WAITERS = 50
const never = new Promise<never>(() => undefined)

/** What each of the callers was given, in this order. */
async function outcomes(calls: readonly Promise<unknown>[]): Promise<readonly unknown[]> {
  const settled = await Promise.allSettled(calls)
  return settled.map((one) => (one.status === 'rejected' ? one.reason : one.value))
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : String(error)

/** F33: one call for all waiters, whose error is the loader's own, and the next call tries again. */
async function failing(cache: Cache): Promise<object> {
  const reasons: Readonly<Record<string, unknown>> = {
    'an Error': new Error('database down'),
    'a text': 'database down',
    null: null,
    undefined,
    'an object': { code: 500 },
  }
  const results: Record<string, object> = {}
  for (const [what, reason] of Object.entries(reasons)) {
    const loaders = {
      rejects: () => Promise.reject(reason),
      'rejects later': () => pause(10).then(() => Promise.reject(reason)),
      throws: () => {
        throw reason
      },
    }
    for (const [how, loader] of Object.entries(loaders)) {
      const key = `${how} ${what}`
      let calls = 0
      const counted = (): Promise<never> => {
        calls++
        return loader()
      }
      const given = await outcomes(Array.from({ length: WAITERS }, () => cache.getOrSet(key, counted)))
      const own = given.filter((error) => error === reason).length
      results[key] = { own, calls, next: await cache.getOrSet(key, () => 'loaded') }
    }
  }
  return results
}

/** F34: a loader that hangs ends at hardTimeout, for all who wait, and blocks nobody who comes later. */
async function hanging(cache: Cache): Promise<object> {
  const hardTimeout = 200
  let signal: AbortSignal | undefined
  const hang = (context: { readonly signal: AbortSignal }): Promise<never> => {
    signal = context.signal
    return never
  }
  let codes: readonly unknown[] = []
  const overMs = await overrunMs(hardTimeout + 50, async () => {
    const calls = Array.from({ length: WAITERS }, () => cache.getOrSet('hung', hang, { hardTimeout }))
    codes = (await outcomes(calls)).map(codeOf)
  })
  const later = await overrunMs(50, () => cache.getOrSet('hung', () => 'loaded'))
  const stale = { ttl: 1, staleIfError: '1h', hardTimeout } as const
  await cache.getOrSet('held', () => 'stale', stale)
  await pause(20)
  const held = await cache.getOrSet('held', hang, stale)
  return { codes: [...new Set(codes)], aborted: signal?.aborted, overMs, later, held }
}

/** F34: a delete frees the key from a load that hangs, which ends as it may. */
async function freed(cache: Cache): Promise<object> {
  const begun = Promise.withResolvers<void>()
  const hang = (): Promise<never> => {
    begun.resolve()
    // It does not heed its signal, and fails long after anybody asks for it.
    return pause(400).then(() => Promise.reject(new Error('too late')))
  }
  const hung = cache.getOrSet('freed', hang, { hardTimeout: 300 }).catch(codeOf)
  await begun.promise
  const { l2 } = await cache.delete('freed')
  const overMs = await overrunMs(50, () => cache.getOrSet('freed', () => 'loaded'))
  return { l2, overMs, hung: await hung, kept: await cache.get('freed') }
}

/** F36: expired, and the loader fails: the stale value up to the end of its grace, told as such, with few tries. */
async function stale(cache: Cache): Promise<object> {
  const options = { ttl: 100, staleIfError: 1200, jitter: 0 } as const
  await cache.getOrSet('stale', () => 'old', options)
  const startMs = systemClock.now()
  await pause(150)
  let tries = 0
  const down = new Error('database down')
  const fail = (): never => {
    tries++
    throw down
  }
  const given = new Set<unknown>()
  const before = cache.stats()
  let entry: string | undefined
  while (systemClock.now() < startMs + 1100) {
    given.add(await cache.getOrSet('stale', fail, options))
    entry ??= (await cache.getEntry('stale', { swr: '1h' }))?.state
    await pause(5)
  }
  const told = cache.stats().staleHits
  const staleHits = told.l1 + told.l2 - before.staleHits.l1 - before.staleHits.l2
  while (systemClock.now() < startMs + 1350) await pause(5)
  const beyond = await cache.getOrSet('stale', fail, options).catch((error: unknown) => error === down)
  return {
    given: [...given],
    tries,
    entry,
    staleHits,
    beyond,
    next: await cache.getOrSet('stale', () => 'new'),
  }
}

/** F36: a refresh behind a stale value fails, and nobody waits for it. */
async function behind(cache: Cache): Promise<object> {
  const options = { ttl: 1, swr: '1h', jitter: 0 } as const
  await cache.getOrSet('behind', () => 'old', options)
  await pause(20)
  const given = await cache.getOrSet('behind', () => Promise.reject(new Error('nobody hears me')), options)
  await pause(50)
  return { given, failed: cache.stats().loadErrors > 0 }
}

await using cache = await openTiers(tiers, url, { name: tiers })
const [failed, hung, free, old, unheard] = await Promise.all([
  failing(cache),
  hanging(cache),
  freed(cache),
  stale(cache),
  behind(cache),
])
tell({ failed, hung, free, old, unheard })
