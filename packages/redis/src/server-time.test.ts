import type { Clock } from 'holdfast/contracts'
import { expect, test } from 'vitest'
import { ServerTime } from './server-time.ts'

/** A clock that stands at `at`; this machine's wall time is 0 throughout. */
function standing(): Clock & { at: number } {
  return {
    at: 0,
    now() {
      return this.at
    },
    wallNow: () => 123,
    after: () => ({ cancel() {} }),
    random: () => 0,
    token: () => '12345678',
  }
}

test('before any answer it is the time of this machine', () => {
  expect(new ServerTime(standing()).now()).toBe(123)
})

test('the server read its clock in the middle of the round trip', () => {
  const clock = standing()
  const time = new ServerTime(clock)
  clock.at = 1010
  time.sample(500_000, 1000)
  expect(time.now()).toBe(500_005)
  clock.at = 2010
  expect(time.now()).toBe(501_005)
})

test('a looser answer does not replace a tighter one, until drift has made that one worse', () => {
  const clock = standing()
  const time = new ServerTime(clock)
  clock.at = 1002
  time.sample(500_001, 1000)
  clock.at = 1100
  time.sample(500_090, 1060)
  expect(time.now()).toBe(500_100)
  // 0.2 ms a second: after 100 s the first answer is no better than 21 ms.
  clock.at = 101_040
  time.sample(600_030, 101_000)
  expect(time.now()).toBe(600_050)
})

test('an answer that contradicts what is known wins: the clock of the server was set', () => {
  const clock = standing()
  const time = new ServerTime(clock)
  clock.at = 1002
  time.sample(500_001, 1000)
  clock.at = 1100
  time.sample(400_000, 1060)
  expect(time.now()).toBe(400_020)
})

test('after a restart the first answer counts, however loose', () => {
  const clock = standing()
  const time = new ServerTime(clock)
  clock.at = 1002
  time.sample(500_001, 1000)
  time.restart()
  clock.at = 1100
  time.sample(500_090, 1060)
  expect(time.now()).toBe(500_110)
})
