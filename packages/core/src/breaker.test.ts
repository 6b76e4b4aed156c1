import { manualClock } from '@holdfast/testkit'
import { describe, expect, test } from 'vitest'
import { Breaker } from './breaker.ts'
import { CacheError } from './errors.ts'

const late = new CacheError('l2_timeout', 'late')
const away = new CacheError('l2_unavailable', 'away')

function open() {
  const clock = manualClock({ seed: 1 })
  const told: string[] = []
  const probes: { resolve: () => void; reject: (error: unknown) => void }[] = []
  const breaker = new Breaker({
    clock,
    l2TimeoutMs: 250,
    probe: () => new Promise((resolve, reject) => probes.push({ resolve, reject })),
    opened: (failures, calls) => told.push(`opened ${failures} of ${calls}`),
    closed: (how) => told.push(`closed: ${how}`),
  })
  const fail = (times: number, error: unknown = late, by = clock.now(), givenMs = 250) => {
    for (let i = 0; i < times; i++) breaker.failed(error, by, givenMs)
  }
  const succeed = (times: number) => {
    for (let i = 0; i < times; i++) breaker.succeeded()
  }
  return { breaker, clock, told, probes, fail, succeed }
}

describe('opens', () => {
  test.each([late, away])('when half of the last ten calls found the server away: %s', (error) => {
    const { breaker, told, fail, succeed } = open()
    succeed(1_000_000)
    fail(4, error)
    succeed(5)
    expect(breaker.isOpen).toBe(false)
    fail(1, error)
    expect(breaker.isOpen).toBe(true)
    expect(told).toEqual(['opened 5 of 10'])
    fail(20, error)
    expect(told).toHaveLength(1)
  })

  test('not for fewer: failures leave the window as calls succeed', () => {
    const { breaker, fail, succeed } = open()
    for (let i = 0; i < 100; i++) {
      fail(4)
      succeed(6)
    }
    expect(breaker.isOpen).toBe(false)
  })

  test('not for answers that are errors, whatever they say', () => {
    const { breaker, fail } = open()
    for (const code of ['l2_error', 'decode_failed', 'value_too_large', 'aborted'] as const)
      fail(100, new CacheError(code, 'answered'))
    fail(100, new Error('a bug'))
    expect(breaker.isOpen).toBe(false)
  })

  test('not where this process was blocked: its calls are rejected long after their deadline', () => {
    const { breaker, clock, fail } = open()
    fail(100, late, clock.now() - 26)
    expect(breaker.isOpen).toBe(false)
    fail(5, late, clock.now() - 24)
    expect(breaker.isOpen).toBe(true)
  })
})

test('does not open for calls that were given little time, and counts what is our own doing as nothing', () => {
  const { breaker, fail, clock } = open()
  fail(100, late, clock.now(), 199)
  expect(breaker.isOpen).toBe(false)
  fail(4)
  for (const code of ['overloaded', 'closed'] as const) fail(20, new CacheError(code, 'ours'))
  expect(breaker.isOpen).toBe(false)
  fail(1)
  expect(breaker.isOpen).toBe(true)
})

describe('while it is open', () => {
  test('the first probe is sent at once, then one within 400 ms of each that fails; one that succeeds closes it', async () => {
    const { breaker, clock, told, probes, fail } = open()
    fail(5)
    expect(probes).toHaveLength(1)
    for (let probe = 1; probe < 20; probe++) {
      probes.at(-1)?.reject(late)
      await clock.settle()
      await clock.advance(199)
      expect(probes).toHaveLength(probe)
      await clock.advance(201)
      expect(probes).toHaveLength(probe + 1)
      expect(breaker.isOpen).toBe(true)
    }
    probes.at(-1)?.resolve()
    await clock.settle()
    expect(breaker.isOpen).toBe(false)
    expect(told).toEqual(['opened 5 of 10', 'closed: answered'])
    expect(clock.pendingTimers).toBe(0)
    // What was counted is forgotten.
    fail(4)
    expect(breaker.isOpen).toBe(false)
  })

  test('a new connection closes it, and close() ends its probes', async () => {
    const { breaker, clock, told, probes, fail } = open()
    fail(5)
    breaker.reset()
    expect(breaker.isOpen).toBe(false)
    probes[0]?.reject(late)
    await clock.settle()
    expect(clock.pendingTimers).toBe(0)
    fail(5)
    breaker.close()
    probes[1]?.reject(late)
    await clock.settle()
    expect(clock.pendingTimers).toBe(0)
    expect(told).toEqual(['opened 5 of 10', 'closed: renewed', 'opened 5 of 10'])
  })
})
