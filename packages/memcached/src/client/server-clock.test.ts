import { type ManualClock, manualClock } from '@holdfast/testkit'
import { describe, expect, test } from 'vitest'
import { ServerClock } from './server-clock.ts'
import type { Statistics } from './server-facts.ts'

/** The whole second that the server is in. */
const SECOND = 1_800_000_000

/** A machine whose wall clock shows this many milliseconds of that second. */
function machineAt(ms: number): { clock: ManualClock; server: ServerClock } {
  const clock = manualClock()
  clock.shiftWall(SECOND * 1000 + ms - clock.wallNow())
  return { clock, server: new ServerClock(clock) }
}

const stats = (time: number | string): Statistics => new Map([['time', String(time)]])

describe('the server clock', () => {
  test('keeps what it knows where an answer names no time', async () => {
    const { clock, server } = machineAt(9000)
    server.sample(stats(SECOND), clock.now())
    for (const answer of [new Map(), stats('soon')]) server.sample(answer, clock.now())
    expect(server.now()).toBe(SECOND * 1000 + 2000)
  })

  test('is this machine’s until a server was asked', async () => {
    const { clock, server } = machineAt(250)
    expect(server.now()).toBe(SECOND * 1000 + 250)
    await clock.advance(1000)
    expect(server.now()).toBe(SECOND * 1000 + 1250)
  })

  test.each([
    ['within what the server allows', 700, 700],
    ['at the end of it', 1999, 1999],
    ['behind', -3_600_000, 0],
    ['ahead', 3_600_000, 2000],
  ])('where this machine’s is %s', async (_, ms, expected) => {
    const { clock, server } = machineAt(ms)
    server.sample(stats(SECOND), clock.now())
    expect(server.now()).toBe(SECOND * 1000 + expected)
    await clock.advance(5000)
    expect(server.now()).toBe(SECOND * 1000 + expected + 5000)
  })

  test('an answer that took its time leaves more room', async () => {
    const { clock, server } = machineAt(9000)
    const sentAt = clock.now()
    await clock.advance(400)
    server.sample(stats(SECOND), sentAt)
    expect(server.now()).toBe(SECOND * 1000 + 2400)
  })
})
