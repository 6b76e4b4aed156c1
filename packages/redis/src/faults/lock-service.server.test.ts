/** The server that keeps the leases is gone: each process loads for itself, once, and in time. */
import { type RedisServer, startRedis, until } from '@holdfast/testkit'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ACQUIRE } from '../scripts.ts'
import { CommandLog } from '../testing/command-log.ts'
import type { HerdResult } from '../testing/herd-node.ts'
import { answerBoundMs, overrunMs, SLACK_MS } from '../testing/overrun.ts'
import { CALLERS, LOAD_MS, stampede } from '../testing/stampede.ts'
import { TestProcess } from '../testing/test-process.ts'

const PROCESSES = 8

/** Where loaders count their calls, and go on to when the other is gone. */
let database: RedisServer
let locks: RedisServer
let fleet: readonly TestProcess[]

beforeAll(async () => {
  database = await startRedis()
  locks = await startRedis()
  const urls = { url: database.url, cacheUrl: locks.url }
  fleet = Array.from({ length: PROCESSES }, () => new TestProcess('herd', urls))
})
afterAll(async () => {
  await Promise.all(fleet.map((process) => process.kill()))
  await locks.stop()
  await database.stop()
})
beforeEach(async () => {
  await locks.restart()
  await Promise.all(fleet.map((process) => process.call('prepare')))
})

const loadsOf = async (key: string): Promise<number> => Number(await database.cli('GET', `loads:${key}`))

async function expectOneLoadEach(key: string, asking: Promise<HerdResult>): Promise<void> {
  const { answers, overruns } = await asking
  const worstMs = answerBoundMs(LOAD_MS) + Math.max(...overruns)
  const loads = await loadsOf(key)
  console.log(
    `F43: ${key}: ${loads} loads in ${PROCESSES} processes, the last answer after ${worstMs.toFixed(0)} ms`,
  )
  expect(answers).toEqual({ loaded: PROCESSES * CALLERS })
  expect(loads).toBeLessThanOrEqual(PROCESSES)
  expect(Math.max(...overruns)).toBeLessThan(SLACK_MS)
}

describe(`F43, and F42 without leases: ${PROCESSES} processes of ${CALLERS} callers ask for a cold key`, () => {
  const boundMs = answerBoundMs(LOAD_MS)

  test('when the server is killed already', async () => {
    await locks.kill()
    await expectOneLoadEach('killed', stampede(fleet, { key: 'killed', boundMs }))
  })

  test('when it is silent', async () => {
    locks.pause()
    await expectOneLoadEach('silent', stampede(fleet, { key: 'silent', boundMs }))
  })

  test('when it is killed while one loads and the others wait for that', async () => {
    const [holder, ...others] = fleet
    if (holder === undefined) throw new Error('the fleet is too small')
    const key = 'lost'
    const loadMs = 1000
    using log = await CommandLog.start(locks)
    const holding = stampede([holder], { key, loadMs })
    await until('the holder loads', async () => (await loadsOf(key)) === 1)
    const waiting = stampede(others, { key })
    const asked = new Set<string>()
    await until('all others have asked for the lease', async () => {
      for (const { args, from } of await log.take()) if (args[0] === ACQUIRE.sha) asked.add(from)
      return asked.size === PROCESSES
    })
    expect(await loadsOf(key)).toBe(1)
    await locks.kill()
    const overMs = await overrunMs(boundMs, async () => {
      expect((await waiting).answers).toEqual({ loaded: others.length * CALLERS })
    })
    console.log(`F43: ${key}: answered ${(boundMs + overMs).toFixed(0)} ms after the server was killed`)
    // Seven processes on two cores tell 700 answers.
    expect(overMs).toBeLessThan(4 * SLACK_MS)
    expect((await holding).answers).toEqual({ loaded: CALLERS })
    expect(await loadsOf(key)).toBeLessThanOrEqual(PROCESSES)
  })
})
