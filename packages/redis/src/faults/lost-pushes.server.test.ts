/** The connection that tells L1 of changes is gone for half a second, and another node changes things meanwhile. */
import {
  type FaultProxy,
  pause,
  type RedisServer,
  startFaultProxy,
  startRedis,
  until,
} from '@holdfast/testkit'
import type { Cache, L1Options } from 'holdfast'
import { systemClock } from 'holdfast/contracts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openCache } from '../testing/open-cache.ts'
import { SLACK_MS } from '../testing/overrun.ts'

/** Δ, the default of l1.maxStale. */
const MAX_STALE_MS = 1000
const GONE_MS = 500
const CHANGES = ['delete', 'invalidateTag', 'clear', 'set'] as const

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

type Fault = (proxy: FaultProxy) => void

const stranded: Fault = (proxy) => proxy.strand()
const FAULTS: Readonly<Record<string, Fault>> = {
  'cut, and nobody answers': (proxy) => {
    proxy.inject({ refuse: true })
    proxy.cut()
  },
  'silent, and pushes come late': (proxy) => proxy.inject({ blackhole: true }),
  'silent for ever, and another one works': stranded,
}

interface Watched {
  /** How long after each acknowledged change a read still began that answered what was before it. */
  readonly staleMs: number
  /** Whether any did so a second and more after the network had healed. */
  readonly isStaleAfterwards: boolean
}

/** Reads all keys of A on and on, while its network fails for half a second, in which B changes every one of them. */
async function watch(name: string, fault: Fault, l1: L1Options): Promise<Watched> {
  await using proxy = await startFaultProxy(server)
  await using a = await openCache(`redis://127.0.0.1:${proxy.port}`, { name, l1 })
  await using b = await openCache(server.url, { name })
  const rows = new Map<string, number>(CHANGES.map((change) => [change, 1]))
  const at = (cache: Cache, change: string): Cache => cache.namespace(change)
  const read = (cache: Cache, change: string): Promise<number> =>
    at(cache, change).getOrSet('k', () => rows.get(change) ?? 0, { tags: ['t'] })
  for (const change of CHANGES) {
    await until(
      'both use the shared tier',
      () => at(a, change).stats().l2.online && at(b, change).stats().l2.online,
    )
    await read(b, change)
    // A push of what B has just written may still keep the first reads out of L1.
    await until('A holds it', async () => {
      await read(a, change)
      return (await at(a, change).getEntry('k'))?.tier === 'l1'
    })
  }
  const acknowledgedMs = new Map<string, number>()
  let staleMs = 0
  let healedMs = Number.POSITIVE_INFINITY
  let isStaleAfterwards = false
  let isOver = false
  const reading = async (): Promise<void> => {
    while (!isOver) {
      for (const change of CHANGES) {
        const startMs = systemClock.now()
        const isOld = (await read(a, change)) === 1
        if (isOld) staleMs = Math.max(staleMs, startMs - (acknowledgedMs.get(change) ?? startMs))
        if (isOld && startMs > healedMs + MAX_STALE_MS) isStaleAfterwards = true
      }
      await pause(1)
    }
  }
  const watching = reading()
  fault(proxy)
  await pause(GONE_MS / 5)
  const changes = {
    delete: () => at(b, 'delete').delete('k'),
    invalidateTag: () => at(b, 'invalidateTag').invalidateTag('t'),
    clear: () => at(b, 'clear').clear(),
    set: () => at(b, 'set').set('k', 2, { tags: ['t'] }),
  }
  for (const change of CHANGES) {
    rows.set(change, 2)
    expect(await changes[change]()).toMatchObject({ l2: 'applied' })
    acknowledgedMs.set(change, systemClock.now())
  }
  await pause((GONE_MS * 4) / 5)
  proxy.heal()
  healedMs = systemClock.now()
  await pause(MAX_STALE_MS + 500)
  isOver = true
  await watching
  // What was watched is what A reads over Redis, not around it.
  await until('A uses Redis again', () => a.stats().l2.online)
  return { staleMs, isStaleAfterwards }
}

// Side by side: each waits for most of its time.
describe.each(['tracked', 'strong'] as const)('F18: L1 %s, a connection that is', (mode) => {
  test.concurrent.each(Object.entries(FAULTS))('%s', async (name, fault) => {
    const { staleMs, isStaleAfterwards } = await watch(`${mode}, ${name}`, fault, { mode })
    console.log(`F18: ${mode}, ${name}: fresh answers were at most ${staleMs.toFixed(0)} ms old`)
    expect(isStaleAfterwards).toBe(false)
    // Δ is held against the read's own clock reading, which comes a little after the one that is taken here.
    expect(staleMs).toBeLessThanOrEqual(mode === 'strong' ? 0 : MAX_STALE_MS + SLACK_MS)
  })
})

test.concurrent('F18 is noticed: without Δ, an L1 that has lost its pushes is stale all the while', async () => {
  const { staleMs, isStaleAfterwards } = await watch('without Δ', stranded, { maxStale: '1m' })
  expect(isStaleAfterwards).toBe(true)
  expect(staleMs).toBeGreaterThan(MAX_STALE_MS + SLACK_MS)
})
