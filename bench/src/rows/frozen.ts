import { after, nowMs, pause } from '../clock.ts'
import { L2_TIMEOUT_MS, LOADER_MS } from '../faults/bounds.ts'
import type { FaultedCache } from '../faults/contender.ts'
import { contenderOf } from '../faults/contenders.ts'
import type { Row } from '../row.ts'
import { quantile } from '../statistics.ts'
import { bounded } from '../targets.ts'

const WAIT_MS = 6000
const WARM_UP_CALLS = 20
const LATER_CALLS = 40
// Enough for a breaker to open; and for each contender that hangs, one more call.
const LATER_FOR_MS = 4000
// A timer fires up to a millisecond late, and the process has other things to do.
const SLACK_MS = 10

/** Redis is stopped (SIGSTOP): connections stay open, and nothing answers. */
export const frozenRow: Row = {
  name: 'frozen',
  title: `cold keys while Redis is frozen (SIGSTOP), ${LOADER_MS} ms loader; a call is waited for ${WAIT_MS / 1000} s at most`,
  contenders: [
    'holdfast',
    'by hand',
    'by hand (guide)',
    'bentocache',
    'bentocache (guide)',
    'cacheable',
    'cacheable (guide)',
    'layered-loader',
    'layered-loader (guide)',
  ],
  metrics: [
    { name: 'firstMs', title: 'first answer, ms', better: 'less', digits: 0 },
    { name: 'laterMs', title: 'p90 of later answers, ms', better: 'less', digits: 0 },
  ],
  targets: [
    bounded(
      'firstMs',
      L2_TIMEOUT_MS + LOADER_MS + SLACK_MS,
      `first answer ≤ l2Timeout + loader (+ ${SLACK_MS} ms)`,
    ),
    bounded(
      'laterMs',
      5 + LOADER_MS + SLACK_MS,
      `once the breaker is open ≤ 5 ms + loader (+ ${SLACK_MS} ms)`,
    ),
  ],
  async measure(contender, { url, serverPid }) {
    const open = await contenderOf(contender).opener()
    const load = async (key: string) => {
      await pause(LOADER_MS)
      return { key, version: 'v1' }
    }
    const cache = open({ url, ttlMs: 600_000, hasBus: false, load, tell: () => {} })
    for (let i = 0; i < WARM_UP_CALLS; i++) await cache.getOrSet(`warm-up:${i}`)
    process.kill(serverPid, 'SIGSTOP')
    try {
      const firstMs = await answeredAfter(cache, 'cold')
      const untilMs = nowMs() + LATER_FOR_MS
      const later: number[] = []
      for (let i = 0; i < LATER_CALLS && nowMs() < untilMs; i++)
        later.push(await answeredAfter(cache, `colder:${i}`))
      return { firstMs, laterMs: quantile(later, 0.9) }
    } finally {
      process.kill(serverPid, 'SIGCONT')
    }
  },
}

/** Milliseconds until a call has answered, WAIT_MS at most. Throws where the answer is wrong. */
async function answeredAfter(cache: FaultedCache, key: string): Promise<number> {
  const startedAt = nowMs()
  const wait = Promise.withResolvers<void>()
  const cancel = after(WAIT_MS, () => wait.resolve())
  const called = cache.getOrSet(key).then((value) => {
    const isRight = typeof value === 'object' && value !== null && Reflect.get(value, 'key') === key
    if (!isRight) throw new Error(`${key}: a wrong answer: ${JSON.stringify(value)}`)
  })
  // What ends after it was waited for is no part of the measurement.
  called.catch(() => {})
  try {
    await Promise.race([called, wait.promise])
  } finally {
    cancel()
  }
  return nowMs() - startedAt
}
