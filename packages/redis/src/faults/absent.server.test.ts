/** Redis is not there when a process starts: that is a normal state. */
import { pause, startFaultProxy, startRedis } from '@holdfast/testkit'
import { describe, expect, test } from 'vitest'
import { Names } from '../names.ts'
import { LONG, LONG_TEST_MS } from '../testing/long.ts'
import { SLACK_MS } from '../testing/overrun.ts'
import { ToldProcess } from '../testing/told-process.ts'

const LOADER_MS = 30
// A process compiles what it calls for the first time, while others start beside it.
const START_MS = 100

describe('F7: Redis is not there when the process starts', { timeout: LONG_TEST_MS }, () => {
  interface Booted {
    readonly overMs: number
    readonly answer: string
  }
  const AWAY_MS = LONG ? 15_000 : 1000
  const boot = new URL('../testing/boot.test-process.ts', import.meta.url)

  /** Constructor and first answer together. */
  function expectInTime({ overMs, answer }: Booted): void {
    console.log(`F7: made and answered ${(-overMs).toFixed(0)} ms before the bound`)
    expect(answer).toBe('loaded')
    expect(overMs).toBeLessThan(START_MS + SLACK_MS)
  }

  test.concurrent('refused: the first answer keeps its bound, Redis is used when it comes, and the process ends well', async () => {
    await using server = await startRedis()
    await server.kill()
    await using process = new ToldProcess(boot, [server.url, `${LOADER_MS}`, 'close'])
    expectInTime(await process.told())
    await pause(AWAY_MS)
    await server.restart()
    expect(await process.told()).toEqual({ online: true })
    expect(await process.ended).toEqual({ code: 0, signal: null })
    expect(String(await server.cli('GET', new Names('boot').of('v', 'later')))).toContain('stored')
  })

  test.concurrent('silent: the same', async () => {
    await using server = await startRedis()
    await using proxy = await startFaultProxy(server)
    proxy.inject({ blackhole: true })
    await using process = new ToldProcess(boot, [`redis://127.0.0.1:${proxy.port}`, `${LOADER_MS}`, 'close'])
    expectInTime(await process.told())
    await pause(AWAY_MS)
    proxy.heal()
    expect(await process.told()).toEqual({ online: true })
    expect(await process.ended).toEqual({ code: 0, signal: null })
  })

  test.concurrent('a process that forgets to close the cache ends all the same', async () => {
    await using server = await startRedis()
    await server.kill()
    await using process = new ToldProcess(boot, [server.url, `${LOADER_MS}`, 'leave'])
    expectInTime(await process.told())
    expect(await process.ended).toEqual({ code: 0, signal: null })
  })
})
