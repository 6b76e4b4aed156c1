/**
 * A node: a process with one contender's cache, which does what it is told and says how it went. It catches nothing
 * that the library lets escape: an unhandled rejection or an uncaught exception ends it, as it would end a server.
 */
import { after, nowMs, pause, stayAlive } from '../clock.ts'
import type { FaultedCache } from './contender.ts'
import { contenderOf } from './contenders.ts'
import {
  type Answer,
  type CallOrder,
  isOrderMessage,
  type NodeFacts,
  type Order,
  type OrderMessage,
  type Reply,
} from './orders.ts'
import { type Item, Source } from './source.ts'

const source = new Source()
let told = 0
let cache: FaultedCache | undefined

stayAlive()
process.on('message', (message: unknown) => {
  if (isOrderMessage(message)) void reply(message)
})
// Whoever gave the orders is gone.
process.on('disconnect', () => process.exit())

async function reply({ id, order }: OrderMessage): Promise<void> {
  try {
    send({ id, answers: await follow(order), facts: facts() })
  } catch (error) {
    send({ id, answers: [], facts: facts(), failure: textOf(error) })
  }
}

async function follow(order: Order): Promise<readonly Answer[]> {
  if (order.do === 'open') {
    const contender = contenderOf(order.contender)
    const open = await contender.opener()
    const startedAt = nowMs()
    const tell = (): void => {
      told++
    }
    cache = open({ ...order.settings, url: order.url, load: source.load, tell })
    return [{ key: '', ms: nowMs() - startedAt }]
  }
  if (order.do === 'load from') source.become(order.source)
  if (order.do === 'call') return await call(order)
  if (order.do === 'delete') {
    const { waitMs } = order
    return await Promise.all(
      order.keys.map((key) => timed(key, waitMs, async () => void (await opened().delete(key)))),
    )
  }
  return []
}

async function call({ keys, isInTurn, waitMs, pauseMs = 0, forMs }: CallOrder): Promise<readonly Answer[]> {
  const getOrSet = (key: string): Promise<Answer> => timed(key, waitMs, () => opened().getOrSet(key))
  if (!isInTurn) return await Promise.all(keys.map(getOrSet))
  const untilMs = nowMs() + (forMs ?? Number.POSITIVE_INFINITY)
  const answers: Answer[] = []
  for (const key of keys) {
    if (nowMs() >= untilMs) break
    answers.push(await getOrSet(key))
    if (pauseMs > 0) await pause(pauseMs)
  }
  return answers
}

/** Never rejects: an error is an answer. */
async function timed(key: string, waitMs: number, run: () => Promise<unknown>): Promise<Answer> {
  const startedAt = nowMs()
  const wait = Promise.withResolvers<Partial<Answer>>()
  const cancel = after(waitMs, () => wait.resolve({ isGivenUp: true }))
  const outcome = await Promise.race([outcomeOf(key, run), wait.promise])
  cancel()
  const ms = nowMs() - startedAt
  const loadedAt = source.loadedAtMs(key)
  const loadAfterMs = loadedAt === undefined || loadedAt < startedAt ? undefined : loadedAt - startedAt
  return { key, ms, ...(loadAfterMs === undefined ? {} : { loadAfterMs }), ...outcome }
}

async function outcomeOf(key: string, run: () => Promise<unknown>): Promise<Partial<Answer>> {
  try {
    const value = await run()
    return isItem(value) && value.key === key ? { version: value.version } : {}
  } catch (error) {
    return { error: textOf(error), isOriginalError: source.hasThrown(error) }
  }
}

function opened(): FaultedCache {
  if (cache === undefined) throw new Error('no cache is open')
  return cache
}

function facts(): NodeFacts {
  return { loads: source.loads, told, rssBytes: process.memoryUsage.rss() }
}

function send(message: Reply): void {
  process.send?.(message)
}

function isItem(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && 'key' in value && 'version' in value
}

function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
