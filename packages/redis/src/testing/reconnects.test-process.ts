import { readdirSync } from 'node:fs'
import { startFaultProxy, until } from '@holdfast/testkit'
import { createCache } from 'holdfast'
import { type Clock, systemClock } from 'holdfast/contracts'
import { redis } from '../redis.ts'
import { inUseAgain, SILENT } from './open-cache.ts'
import { tell } from './tell.ts'

/** Loses its connection over and over, with work under way: `reconnects.test-process.ts <redis port> <times>`. */
const [, , port = '', times = ''] = process.argv

/** What a process holds once what can go has gone. */
interface Held {
  readonly files: number
  /** Timers, sockets and requests that libuv knows of. */
  readonly resources: number
  readonly listeners: number
  /** Buffers included. */
  readonly heapBytes: number
  readonly rssBytes: number
}

/** Chance that never makes anybody wait: the backoff is as short as it can be. */
const hasty: Clock = {
  now: () => systemClock.now(),
  wallNow: () => systemClock.wallNow(),
  after: (ms, fire, purpose) => systemClock.after(ms, fire, purpose),
  random: () => 0,
  token: () => systemClock.token(),
}

const proxy = await startFaultProxy({ port: Number(port) })
const url = `redis://127.0.0.1:${proxy.port}`
const cache = createCache({ name: 'reconnects', l2: redis(url), logger: SILENT, clock: hasty })
await inUseAgain(cache)

async function loseOnce(round: number): Promise<void> {
  // Else V8 lets garbage pile up while it is told of no want, and resident memory says nothing of what is held.
  if (round % 100 === 0) globalThis.gc?.()
  const before = proxy.accepted
  // A read, a load and an invalidation are under way when it breaks; which of them are heard is all the same.
  const under = [
    cache.get(`k${round % 100}`),
    cache.getOrSet(`k${round}`, () => round),
    cache.delete(`k${round - 1}`),
  ]
  if (round % 2 === 0) await new Promise((resolve) => setImmediate(resolve))
  proxy.cut()
  await Promise.allSettled(under)
  await until('it is connected anew', () => proxy.accepted > before && cache.stats().l2.online)
}

async function held(): Promise<Held> {
  await until(
    'nothing is under way',
    () => cache.stats().flights === 0 && cache.stats().l2.queuedInvalidations === 0,
  )
  await until('the sockets before are closed', () => proxy.connections === 1)
  globalThis.gc?.()
  // Buffers are freed by what the first one found.
  globalThis.gc?.()
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)
  return {
    files: readdirSync('/proc/self/fd').length,
    resources: process.getActiveResourcesInfo().length,
    listeners,
    heapBytes: heapUsed + arrayBuffers,
    rssBytes: rss,
  }
}

// The first ones let V8 compile, and make its young generation as large as it will be (after some 5,000 of 10,000);
// whatever is bounded is full by then.
const WARM_UP = Math.max(200, Number(times) / 2)
for (let round = 0; round < WARM_UP; round++) await loseOnce(round)
const before = await held()
for (let round = WARM_UP; round < WARM_UP + Number(times); round++) await loseOnce(round)
tell({ before, after: await held(), connections: proxy.accepted })
await cache.close()
await proxy.close()
