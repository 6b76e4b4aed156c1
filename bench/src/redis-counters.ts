import { systemClock } from 'holdfast/contracts'
import { RedisClient } from '../../packages/redis/src/client.ts'
import { parseRedisUrl } from '../../packages/redis/src/url.ts'
import { after } from './clock.ts'

/** Redis' own counters, as they stood. */
export interface Counted {
  /** Read events: of commands that are awaited one by one, their round trips. */
  readonly trips: number
  /** Commands that were run, those inside scripts included; without INFO and what keeps connections alive. */
  readonly commands: number
}

const NOT_COUNTED = new Set(['info', 'time', 'ping', 'touch', 'hello', 'client'])
const WAIT_MS = 2000

/** Opens a connection of its own to look at the server's counters. Looking costs one trip, which is left out. */
export async function openCounters(url: string): Promise<() => Promise<Counted>> {
  const client = await openRedisClient(url)
  let looks = 0
  return async () => {
    looks++
    const by = systemClock.now() + WAIT_MS
    const text = String(await client.command(['INFO', 'stats', 'commandstats'], { by }))
    const reads = Number(/^total_reads_processed:(\d+)/m.exec(text)?.[1])
    let commands = 0
    for (const [, name = '', calls] of text.matchAll(/^cmdstat_([^:|]+)[^:]*:calls=(\d+)/gm)) {
      if (!NOT_COUNTED.has(name)) commands += Number(calls)
    }
    return { trips: reads - looks, commands }
  }
}

/** Our own client, ready; with no heartbeat worth the name, so that it adds nothing to what is counted. */
export async function openRedisClient(url: string): Promise<RedisClient> {
  const ready = Promise.withResolvers<void>()
  const client = new RedisClient({
    address: parseRedisUrl(url),
    clock: systemClock,
    tracking: 'off',
    heartbeatMs: 60_000,
    l2TimeoutMs: 250,
    events: { onReady: () => ready.resolve() },
  })
  const cancel = after(WAIT_MS, () => ready.reject(new Error('no connection', { cause: client.lastError })))
  try {
    await ready.promise
  } finally {
    cancel()
  }
  return client
}
