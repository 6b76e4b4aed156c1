/** F46: a service under load is told to end. */
import { type RedisServer, startRedis } from '@holdfast/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Names } from '../names.ts'
import { openCache } from '../testing/open-cache.ts'
import { overrunMs, SLACK_MS } from '../testing/overrun.ts'
import { ToldProcess } from '../testing/told-process.ts'

interface Ended {
  readonly notApplied: number
  readonly overMs: number
  readonly tookMs: number
  readonly answers: { readonly right: number; readonly wrong: number; readonly closed: number }
  readonly hung: string
}

// What is owed is sent once more within l2Timeout, and the socket says goodbye for at most 200 ms.
const CLOSE_MS = 500
// From the signal to the end of the process: what an orchestrator grants is 10 to 30 s.
const GRACE_MS = 2000
const OWED = 20

const program = new URL('../testing/serving.test-process.ts', import.meta.url)
const names = new Names('faults')

let server: RedisServer
beforeEach(async () => {
  server = await startRedis()
})
afterEach(() => server.stop())

async function serve(): Promise<ToldProcess> {
  const process = new ToldProcess(program, [server.url, `${CLOSE_MS}`])
  expect(await process.told()).toEqual({ serving: true })
  return process
}

/** SIGTERM; what it tells of its end, which comes by itself and in time. */
async function terminate(process: ToldProcess, meanwhile: () => void = () => undefined): Promise<Ended> {
  let ended: Ended | undefined
  const overMs = await overrunMs(GRACE_MS, async () => {
    process.signal('SIGTERM')
    meanwhile()
    ended = await process.told<Ended>()
    expect(await process.ended).toEqual({ code: 0, signal: null })
  })
  if (ended === undefined) throw new Error('it told nothing')
  const { answers, tookMs } = ended
  console.log(
    `F46: closed in ${tookMs.toFixed(0)} ms; process over after ${(GRACE_MS + overMs).toFixed(0)} ms`,
    answers,
  )
  expect(overMs).toBeLessThan(SLACK_MS)
  expect(ended.overMs).toBeLessThan(SLACK_MS)
  expect(ended.answers).toMatchObject({ wrong: 0, right: expect.any(Number), closed: expect.any(Number) })
  expect(ended.answers.right).toBeGreaterThan(0)
  expect(ended.hung).toBe('closed')
  expect(process.errors).toBe('')
  return ended
}

describe('F46: SIGTERM under load', () => {
  test('calls under way are settled, and the process ends by itself', async () => {
    await using process = await serve()
    expect((await terminate(process)).notApplied).toBe(0)
    // Nobody waits for leases of a process that has gone in order.
    expect(await server.cli('KEYS', 'l:*')).toEqual([])
  })

  test('what is owed to a server that answers again is applied before', async () => {
    await using writer = await openCache(server.url)
    for (let i = 0; i < OWED; i++) await writer.set(`owed ${i}`, 'old')
    await using process = await serve()
    server.pause()
    process.signal('SIGUSR2')
    expect(await process.told()).toEqual({ queued: OWED })
    expect((await terminate(process, () => server.resume())).notApplied).toBe(0)
    for (let i = 0; i < OWED; i++) expect(await server.cli('EXISTS', names.of('v', `owed ${i}`))).toBe(0)
  })

  test('what is owed to a server that is gone is told', async () => {
    await using process = await serve()
    await server.kill()
    process.signal('SIGUSR2')
    expect(await process.told()).toEqual({ queued: OWED })
    // Its callers delete too.
    expect((await terminate(process)).notApplied).toBeGreaterThanOrEqual(OWED)
  })
})
