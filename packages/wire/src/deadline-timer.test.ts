import { expect, test } from 'vitest'
import type { WireClock } from './clock.ts'
import { DeadlineTimer } from './deadline-timer.ts'

/** A clock whose time, timers and turns move by hand. */
function manualClock() {
  let now = 0
  const timers = new Map<number, { at: number; fire: () => void }>()
  const turns: (() => void)[] = []
  let made = 0
  const clock: WireClock = {
    now: () => now,
    random: () => 0.5,
    after(ms, fire) {
      const id = ++made
      timers.set(id, { at: now + ms, fire })
      return { cancel: () => void timers.delete(id) }
    },
    turn: (fire) => void turns.push(fire),
  }
  const fireDue = (to: number): void => {
    now = to
    for (const [id, timer] of timers) {
      if (timer.at > to) continue
      timers.delete(id)
      timer.fire()
    }
  }
  const runTurns = (): void => {
    for (const turn of turns.splice(0)) turn()
  }
  return { clock, fireDue, runTurns, pending: () => timers.size, made: () => made }
}

test('deadlines near to each other share one timer', () => {
  const manual = manualClock()
  const timer = new DeadlineTimer(manual.clock, () => Infinity)
  for (const by of [250, 250.4, 251, 900, 248]) timer.need(by)
  expect(manual.made()).toBe(1)
  timer.need(100)
  expect(manual.made()).toBe(2)
  expect(manual.pending()).toBe(1)
})

test('no deadline is checked more than 5 ms late', () => {
  for (const by of [10, 90, 95, 99]) {
    const manual = manualClock()
    const timer = new DeadlineTimer(manual.clock, () => {
      checked = true
      return Infinity
    })
    let checked = false
    timer.need(100)
    timer.need(by)
    manual.fireDue(by + 5)
    manual.runTurns()
    expect(checked).toBe(true)
  }
})

test('the check waits one turn of the event loop, and is told how late the timer was', () => {
  const manual = manualClock()
  const late: number[] = []
  const timer = new DeadlineTimer(manual.clock, (lateMs) => {
    late.push(lateMs)
    return Infinity
  })
  timer.need(100)
  manual.fireDue(400)
  expect(late).toEqual([])
  manual.runTurns()
  expect(late).toEqual([300])
})

test('it fires again for the deadline that the check returned, and not where there is none', () => {
  const manual = manualClock()
  const answers = [150, Infinity]
  let checks = 0
  const timer = new DeadlineTimer(manual.clock, () => answers[checks++] ?? Infinity)
  timer.need(100)
  for (const now of [100, 149, 150, 200, 1000]) {
    manual.fireDue(now)
    manual.runTurns()
  }
  expect(checks).toBe(2)
  expect(manual.pending()).toBe(0)
  timer.need(2000)
  expect(manual.pending()).toBe(1)
})

test('cancelled between timer and turn, it checks nothing', () => {
  const manual = manualClock()
  let checks = 0
  const timer = new DeadlineTimer(manual.clock, () => ++checks)
  timer.need(100)
  manual.fireDue(100)
  timer.cancel()
  manual.runTurns()
  timer.need(50)
  expect(checks).toBe(0)
  expect(manual.pending()).toBe(0)
})
