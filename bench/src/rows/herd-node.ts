/** A node of the herd: opens its cache once, then sends its callers wherever it is told. */
import type { CacheContender } from '../caches/contender.ts'
import { openCache } from '../caches/open-cache.ts'
import { nowMs, pause } from '../clock.ts'
import { checkProduct, productOf } from '../product.ts'
import { HERD_LOAD_MS, type HerdAnswer, type HerdOrder, isHerdOrder } from './herd-message.ts'

// Hits of the key of the first order: compilers warm up.
const WARM_UP_ROUNDS = 20

let loads = 0
let cache: CacheContender | undefined

process.on('message', (message: unknown) => {
  if (!isHerdOrder(message)) return
  follow(message).then(
    (answer) => process.send?.(answer),
    (error: unknown) =>
      process.send?.(error instanceof Error ? (error.stack ?? error.message) : String(error)),
  )
})

async function follow({ contender, url, key, callers }: HerdOrder): Promise<HerdAnswer> {
  if (cache === undefined) {
    cache = await openCache(contender, { url, tiers: 'both', ttlMs: 600_000, load })
    for (let i = 0; i < WARM_UP_ROUNDS; i++) await callAtOnce(cache, key, callers)
    // A key of its own: each process has loaded once, and filled both tiers, before it is measured.
    await cache.getOrSet(`warm-up:${process.pid}`)
  }
  loads = 0
  const waitedMs = await callAtOnce(cache, key, callers)
  return { loads, waitedMs }
}

async function callAtOnce(from: CacheContender, key: string, callers: number): Promise<number[]> {
  const call = async (): Promise<number> => {
    const startedAt = nowMs()
    checkProduct(await from.getOrSet(key), key)
    return nowMs() - startedAt
  }
  return await Promise.all(Array.from({ length: callers }, call))
}

async function load(key: string) {
  loads++
  await pause(HERD_LOAD_MS)
  return productOf(key)
}
