/** Connections that are lost again and again, and a fleet that loses all of them at once. */
import { pause, type RedisServer, startFaultProxy, startRedis } from '@holdfast/testkit'
import { systemClock } from 'holdfast/contracts'
import { describe, expect, test } from 'vitest'
import { LONG, LONG_TEST_MS } from '../testing/long.ts'
import { ToldProcess } from '../testing/told-process.ts'

const MIB = 1024 * 1024

interface Held {
  readonly files: number
  readonly resources: number
  readonly listeners: number
  readonly heapBytes: number
  readonly rssBytes: number
}

describe('F50', { timeout: LONG_TEST_MS }, () => {
  const TIMES = LONG ? 10_000 : 500
  const program = new URL('../testing/reconnects.test-process.ts', import.meta.url)

  test.concurrent(`${TIMES} reconnects leave no file, timer, listener or memory behind`, async () => {
    await using server = await startRedis()
    await using process = new ToldProcess(program, [`${server.port}`, `${TIMES}`], { flags: ['--expose-gc'] })
    const { before, after, connections } = await process.told<
      Record<'before' | 'after', Held> & { connections: number }
    >()
    const heapKib = (after.heapBytes - before.heapBytes) / 1024
    const rssMib = (after.rssBytes - before.rssBytes) / MIB
    console.log(
      `F50: ${TIMES} reconnects: heap ${heapKib.toFixed(0)} KiB, RSS ${rssMib.toFixed(1)} MiB more`,
      after,
    )
    expect(connections).toBeGreaterThanOrEqual(TIMES)
    // A read of /proc opens one itself; a retry or a heartbeat more or less may be under way.
    expect(Math.abs(after.files - before.files)).toBeLessThanOrEqual(2)
    expect(Math.abs(after.resources - before.resources)).toBeLessThanOrEqual(5)
    expect(after.listeners).toBe(before.listeners)
    // Each leaked connection would hold its read buffer of 64 KiB.
    expect(after.heapBytes - before.heapBytes).toBeLessThan(2 * MIB)
    // Flat in the long form; in the short one V8 is still growing.
    expect(after.rssBytes - before.rssBytes).toBeLessThan((LONG ? 16 : 64) * MIB)
    expect(process.errors).toBe('')
    expect(await process.ended).toEqual({ code: 0, signal: null })
  })
})

describe('F51', { timeout: LONG_TEST_MS }, () => {
  // 50 processes are 14 s of starting them; ten with five connections each decide as independently of each other.
  const [PROCESSES, EACH] = LONG ? [50, 1] : [10, 5]
  const FLEET = PROCESSES * EACH
  const AWAY_MS = 3000
  // Backoff: at first up to 50 ms, doubled with each failure up to 1 s, all of it at random.
  const ATTEMPTS_A_SECOND_MAX = 8
  const RETURN_MS = 1000
  const WINDOW_MS = 100
  const program = new URL('../testing/idle.test-process.ts', import.meta.url)

  test.concurrent(`a fleet of ${FLEET} that loses Redis comes back spread over a second, and each of it once`, async () => {
    await using server = await startRedis()
    await using proxy = await startFaultProxy(server)
    const url = `redis://127.0.0.1:${proxy.port}`
    await using fleet = new AsyncDisposableStack()
    const start = (): ToldProcess => fleet.use(new ToldProcess(program, [url, `${EACH}`]))
    const processes = Array.from({ length: PROCESSES }, start)
    for (const process of processes) expect(await process.told()).toEqual({ ready: true })
    await server.kill()
    const attempts: number[] = []
    for (let at = 0; at < AWAY_MS; at += 1000) {
      const before = proxy.accepted
      await pause(1000)
      attempts.push(proxy.accepted - before)
    }
    await server.restart()
    const perWindow = await connectsOf(server, FLEET)
    console.log(
      `F51: attempts a second while away: ${attempts.join(', ')}; connects per ${WINDOW_MS} ms: ${perWindow.join(' ')}`,
    )
    for (const one of attempts) expect(one).toBeLessThanOrEqual(FLEET * ATTEMPTS_A_SECOND_MAX)
    // Settled, a process asks twice a second on average.
    expect(attempts.at(-1)).toBeLessThan(FLEET * 3)
    const connects = perWindow.reduce((sum, count) => sum + count)
    expect(connects).toBeGreaterThanOrEqual(FLEET)
    // The question whether the server is up may still have been open when counting began.
    expect(connects).toBeLessThanOrEqual(FLEET + 2)
    // Evenly spread it would be 5 a window: all at once is what must not be.
    expect(Math.max(...perWindow)).toBeLessThan(FLEET / 2)
    expect(perWindow.length * WINDOW_MS).toBeLessThanOrEqual(RETURN_MS + 5 * WINDOW_MS)
  })

  /** The connections that Redis took in each window, by its own counter, until it has taken all of them. */
  async function connectsOf(one: RedisServer, all: number): Promise<readonly number[]> {
    // Sent together: nobody is let in between them. The first connection is this one.
    const [early] = await Promise.all([one.cli('CLIENT', 'LIST'), one.cli('CONFIG', 'RESETSTAT')])
    const windows = [String(early).trim().split('\n').length - 1]
    let [seen, taken] = [0, windows[0] ?? 0]
    const startMs = systemClock.now()
    while (taken < all && systemClock.now() < startMs + 5 * RETURN_MS) {
      await pause(WINDOW_MS)
      const now = Number((await one.info('stats')).total_connections_received)
      windows.push(now - seen)
      taken += now - seen
      seen = now
    }
    return windows
  }
})
