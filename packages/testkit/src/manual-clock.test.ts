import { describe, expect, test } from 'vitest'
import { manualClock } from './manual-clock.ts'

describe('time', () => {
  test('stands still until it is advanced', async () => {
    const clock = manualClock({ startMs: 500 })
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(clock.now()).toBe(500)
    const wall = clock.wallNow()
    await clock.advance(1.5)
    expect(clock.now()).toBe(501.5)
    expect(clock.wallNow() - wall).toBe(1.5)
  })

  test('wall time can be shifted alone, both ways', async () => {
    const clock = manualClock()
    const wall = clock.wallNow()
    clock.shiftWall(60_000)
    clock.shiftWall(-1_000)
    await clock.advance(10)
    expect(clock.wallNow() - wall).toBe(59_010)
    expect(clock.now()).toBe(10)
  })

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('advance(%d) is refused', async (ms) => {
    await expect(manualClock().advance(ms)).rejects.toMatchObject({ code: 'invalid_argument' })
  })
})

describe('timers', () => {
  test('fire in the order of their moments, each at its moment, equal ones in order of arming', async () => {
    const clock = manualClock()
    const fired: string[] = []
    for (const [name, ms] of [
      ['c', 30],
      ['a', 10],
      ['b1', 20],
      ['b2', 20],
      ['late', 31],
    ] as const) {
      clock.after(ms, () => fired.push(`${name}@${clock.now()}`))
    }
    expect(clock.pendingTimers).toBe(5)
    await clock.advance(30)
    expect(fired).toEqual(['a@10', 'b1@20', 'b2@20', 'c@30'])
    expect(clock.pendingTimers).toBe(1)
  })

  test('a long chain of promises ends before the next timer fires', async () => {
    const clock = manualClock()
    const seen: string[] = []
    clock.after(1, async () => {
      for (let i = 0; i < 1000; i++) await null
      seen.push('chain')
    })
    clock.after(2, () => seen.push('timer'))
    await clock.advance(2)
    expect(seen).toEqual(['chain', 'timer'])
  })

  test('one armed by another fires in the same advance when it comes due within it', async () => {
    const clock = manualClock()
    const moments: number[] = []
    const rearm = (): void => {
      moments.push(clock.now())
      clock.after(10, rearm)
    }
    clock.after(10, rearm)
    await clock.advance(35)
    expect(moments).toEqual([10, 20, 30])
    expect(clock.now()).toBe(35)
  })

  test('one armed by what waits on a promise at the time of the call is not missed', async () => {
    const clock = manualClock()
    let fired = false
    void Promise.resolve()
      .then(() => null)
      .then(() => clock.after(5, () => (fired = true)))
    await clock.advance(5)
    expect(fired).toBe(true)
  })

  test('a cancelled one does not fire; cancelling twice, or after it fired, is nothing', async () => {
    const clock = manualClock()
    let fired = 0
    const cancelled = clock.after(5, () => fired++)
    const kept = clock.after(5, () => fired++)
    cancelled.cancel()
    cancelled.cancel()
    await clock.advance(5)
    kept.cancel()
    expect(fired).toBe(1)
    expect(clock.pendingTimers).toBe(0)
  })

  test('one that throws fails its advance, and the next advance goes on', async () => {
    const clock = manualClock()
    clock.after(1, () => {
      throw new Error('boom')
    })
    await expect(clock.advance(5)).rejects.toThrow('boom')
    await clock.advance(4)
    expect(clock.now()).toBe(5)
  })

  test('one that re-arms itself without end fails the advance', async () => {
    const clock = manualClock()
    const rearm = (): void => void clock.after(0, rearm)
    rearm()
    await expect(clock.advance(0)).rejects.toThrow('re-arms itself')
  })

  test('advances that overlap add up', async () => {
    const clock = manualClock()
    await Promise.all([clock.advance(3), clock.advance(4)])
    expect(clock.now()).toBe(7)
  })
})

describe('randomness', () => {
  test('a seed repeats numbers and tokens', () => {
    const draw = (): unknown[] => {
      const clock = manualClock({ seed: 7 })
      return [clock.random(), clock.random(), clock.token(), clock.token()]
    }
    expect(draw()).toEqual(draw())
  })

  test('numbers are spread over [0, 1)', () => {
    const clock = manualClock({ seed: 1 })
    const counts = new Array<number>(10).fill(0)
    for (let i = 0; i < 10_000; i++) {
      const tenth = Math.floor(clock.random() * 10)
      counts[tenth] = (counts[tenth] ?? 0) + 1
    }
    expect(counts).toHaveLength(10)
    for (const count of counts) expect(count).toBeGreaterThan(850)
  })

  test('tokens are 8 characters and never repeat, between clocks either', () => {
    const [a, b] = [manualClock(), manualClock()]
    const tokens = new Set<string>()
    for (let i = 0; i < 10_000; i++) tokens.add(a.token()).add(b.token())
    expect(tokens.size).toBe(20_000)
    expect(
      [...tokens].filter((token) => Buffer.from(token, 'latin1').length !== 8 || token.length !== 8),
    ).toEqual([])
  })

  test('a seed that is no 32-bit integer is refused', () => {
    for (const seed of [-1, 0.5, 2 ** 32]) expect(() => manualClock({ seed })).toThrow('seed')
  })
})
