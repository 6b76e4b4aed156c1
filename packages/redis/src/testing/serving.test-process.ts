import { pause } from '@holdfast/testkit'
import { systemClock } from 'holdfast/contracts'
import { openCache } from './open-cache.ts'
import { overrunMs } from './overrun.ts'
import { tell } from './tell.ts'

/** A service under load that is asked to end by SIGTERM, and ends by itself: `serving.test-process.ts <url> <bound ms>`. */
const [, , url = '', boundMs = ''] = process.argv
const CALLERS = 20
const LOAD_MS = 20

const cache = await openCache(url)
const answers = { right: 0, wrong: 0, closed: 0 }
let isOver = false

async function call(key: string): Promise<void> {
  try {
    const answer = await cache.getOrSet(key, () => pause(LOAD_MS).then(() => key))
    answers[answer === key ? 'right' : 'wrong']++
  } catch (error) {
    const isClosed = error instanceof Error && 'code' in error && error.code === 'closed'
    answers[isClosed ? 'closed' : 'wrong']++
  }
}

async function caller(_: unknown, number: number): Promise<void> {
  for (let i = 0; !isOver; i++) {
    await call(`k${number} ${i % 50}`)
    if (i % 10 === 0) await cache.delete(`k${number} ${i % 50}`).catch(() => undefined)
    // Hits are answered without a turn of the event loop, in which alone signals are heard.
    await pause(1)
  }
}

const callers = Array.from({ length: CALLERS }, caller)
// A load that never ends and heeds no signal must not hold anybody up.
const hung = cache.getOrSet('hung', () => new Promise(() => undefined)).catch((error) => String(error.code))

process.once('SIGUSR2', async () => {
  const owed = await Promise.all(Array.from({ length: 20 }, (_, i) => cache.delete(`owed ${i}`)))
  tell({ queued: owed.filter(({ l2 }) => l2 === 'queued').length })
})
process.once('SIGTERM', async () => {
  let notApplied = -1
  const closedMs = systemClock.now()
  const overMs = await overrunMs(Number(boundMs), async () => {
    notApplied = (await cache.close()).notApplied
  })
  const tookMs = systemClock.now() - closedMs
  isOver = true
  await Promise.all(callers)
  tell({ notApplied, overMs, tookMs, answers, hung: await hung })
})
await pause(300)
tell({ serving: true })
