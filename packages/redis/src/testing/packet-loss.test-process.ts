import { pause, startRedis } from '@holdfast/testkit'
import { systemClock } from 'holdfast/contracts'
import { openCache } from './open-cache.ts'
import { answerBoundMs, overrunMs } from './overrun.ts'
import { bringUp, losePackets } from './own-network.ts'
import { tell } from './tell.ts'

/** Uses a cache over a network that loses packets, in a namespace of its own: `packet-loss.test-process.ts <share> <ms>`. */
const [, , share = '', forMs = ''] = process.argv
const KEYS = 200
const CALLERS = 20
const LOAD_MS = 20

bringUp()
await using server = await startRedis()
// Without L1: every call asks over the network.
await using cache = await openCache(server.url, { l1: false })
const textOf = (key: string): string => `value of ${key}`
for (let i = 0; i < KEYS; i++) await cache.set(`k${i}`, textOf(`k${i}`))
losePackets(server.port, Number(share))

const overruns: number[] = []
let failed = 0
const untilMs = systemClock.now() + Number(forMs)
const call = async (key: string): Promise<void> => {
  const loader = (): Promise<string> => pause(LOAD_MS).then(() => textOf(key))
  const answer = await cache.getOrSet(key, loader).catch(String)
  if (answer !== textOf(key)) failed++
}
const caller = async (_: unknown, number: number): Promise<void> => {
  for (let i = number; systemClock.now() < untilMs; i += CALLERS) {
    const key = `k${i % KEYS}`
    overruns.push(await overrunMs(answerBoundMs(LOAD_MS), () => call(key)))
    // A delete answers in time as well, and the next call loads.
    if (i % 7 === 0) overruns.push(await overrunMs(answerBoundMs(LOAD_MS), () => cache.delete(key)))
    await pause(2)
  }
}
await Promise.all(Array.from({ length: CALLERS }, caller))
const { hits, loads, l2Errors } = cache.stats()

losePackets(server.port, 0)
const healedMs = systemClock.now()
while (!cache.stats().l2.online) await pause(1)
tell({ overruns, failed, hits: hits.l2, loads, l2Errors, returnMs: systemClock.now() - healedMs })
