import { type ManualClock, manualClock } from '@holdfast/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import { RingGate } from './ring-gate.ts'
import type { Admitted } from './ring-membership.ts'

const LOOKS_EVERY_MS = 1_000
const L2_TIMEOUT_MS = 100
const HEARD_MS = LOOKS_EVERY_MS + 3 * L2_TIMEOUT_MS
const [A, B] = [{}, {}]
const CLEAR: Admitted = { state: 'clear', follows: false, sealing: undefined }
const ENTERING: Admitted = { ...CLEAR, state: 'entering' }
const IN_USE: Admitted = { ...CLEAR, state: 'in-use' }

/** Another ring was found; whether it is sealed everywhere. */
function afterAnother(everywhere: Promise<boolean>): Admitted {
  return { state: 'clear', follows: true, sealing: { soon: Promise.resolve(), everywhere } }
}

let clock: ManualClock
let gate: RingGate
let openedTimes: number
let askedAgain: number
let waitingMs: number[]
beforeEach(() => {
  clock = manualClock({ seed: 1 })
  openedTimes = 0
  askedAgain = 0
  waitingMs = []
  gate = new RingGate({
    clock,
    l2TimeoutMs: L2_TIMEOUT_MS,
    servers: 2,
    looksEveryMs: LOOKS_EVERY_MS,
    waits: true,
    opened: () => openedTimes++,
    waiting: (ms) => void waitingMs.push(ms),
    askAgain: () => askedAgain++,
  })
})

describe('the gate of a ring opens', () => {
  test('at once, where each server knows of no other', () => {
    gate.admitted(A, CLEAR)
    expect(gate.isOpen).toBe(false)
    gate.admitted(B, CLEAR)
    expect([gate.isOpen, openedTimes]).toEqual([true, 1])
  })

  test('a moment after the first server on which it is in use', async () => {
    gate.admitted(A, IN_USE)
    await clock.advance(149)
    expect(gate.isOpen).toBe(false)
    await clock.advance(1)
    expect(gate.isOpen).toBe(true)
  })

  test('without a server that is not there, once whoever uses another ring must have heard of ours', async () => {
    gate.admitted(A, CLEAR)
    await clock.advance(HEARD_MS - 1)
    expect(gate.isOpen).toBe(false)
    await clock.advance(1)
    expect(gate.isOpen).toBe(true)
  })

  test('when another process, which has begun to enter it, has opened it', async () => {
    gate.admitted(A, ENTERING)
    gate.admitted(B, IN_USE)
    await clock.advance(150)
    expect(gate.isOpen).toBe(false)
    gate.admitted(A, IN_USE)
    expect(gate.isOpen).toBe(true)
  })

  test('when the ring before is sealed on all of its servers, however late', async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    gate.admitted(A, afterAnother(promise))
    gate.admitted(B, CLEAR)
    await clock.advance(HEARD_MS - 1)
    expect(gate.isOpen).toBe(false)
    resolve(true)
    await clock.settle()
    expect(gate.isOpen).toBe(true)
  })

  test('or when all who use it must have heard: counted from the last server that told of it', async () => {
    gate.admitted(A, afterAnother(Promise.resolve(false)))
    await clock.advance(HEARD_MS - 1)
    gate.admitted(B, afterAnother(Promise.resolve(false)))
    await clock.advance(HEARD_MS - 1)
    expect(gate.isOpen).toBe(false)
    await clock.advance(1)
    expect([gate.isOpen, openedTimes]).toEqual([true, 1])
  })

  test('never, once its ring is left', async () => {
    gate.admitted(A, CLEAR)
    gate.close()
    await clock.advance(HEARD_MS)
    gate.admitted(B, CLEAR)
    expect([gate.isOpen, openedTimes]).toEqual([false, 0])
  })
})

test('whoever waits for another process says that nobody has to wait for it', async () => {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  gate.admitted(A, afterAnother(promise))
  gate.admitted(A, CLEAR)
  gate.admitted(B, ENTERING)
  expect(gate.phaseOf(A).state).toBe('entering')
  resolve(true)
  await clock.settle()
  expect([gate.phaseOf(A).state, gate.isOpen]).toEqual(['clear', false])
  gate.admitted(B, CLEAR)
  expect([gate.phaseOf(A).state, gate.isOpen]).toEqual(['in-use', true])
})

test('what was stored before another ring was in use is renewed on every server, those asked before included', () => {
  gate.admitted(A, CLEAR)
  expect(gate.phaseOf(A)).toEqual({ state: 'entering', renews: false })
  gate.admitted(B, afterAnother(Promise.resolve(true)))
  expect([askedAgain, gate.isOpen]).toEqual([1, false])
  expect([gate.phaseOf(A).renews, gate.phaseOf(B).renews]).toEqual([true, false])
  gate.admitted(A, CLEAR)
  expect(gate.phaseOf(A).renews).toBe(false)
})

describe('that a ring waits is told', () => {
  test('once, a moment after its first server has admitted it, and for how long at most', async () => {
    await clock.advance(1_000)
    expect(waitingMs).toEqual([])
    gate.admitted(A, CLEAR)
    await clock.advance(249)
    expect(waitingMs).toEqual([])
    await clock.advance(1)
    expect(waitingMs).toEqual([HEARD_MS])
    gate.admitted(A, afterAnother(new Promise(() => {})))
    await clock.advance(HEARD_MS - 1)
    expect([gate.isOpen, waitingMs]).toEqual([false, [HEARD_MS]])
  })

  test('not of one that is used by then', async () => {
    gate.admitted(A, IN_USE)
    await clock.advance(1_000)
    expect([gate.isOpen, waitingMs]).toEqual([true, []])
  })

  test('nor of one that was left', async () => {
    gate.admitted(A, CLEAR)
    gate.close()
    await clock.advance(HEARD_MS)
    expect(waitingMs).toEqual([])
  })
})
