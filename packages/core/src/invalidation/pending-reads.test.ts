import { describe, expect, test } from 'vitest'
import { PendingReads } from './pending-reads.ts'

describe('a kill', () => {
  test('reaches every read of its key that is under way, and no other', () => {
    const pendings = new PendingReads()
    const [first, second, third] = [pendings.open('k'), pendings.open('k'), pendings.open('k')]
    const other = pendings.open('other')
    pendings.close(second)
    pendings.kill('k')
    expect([first, second, third, other].map((one) => one.alive)).toEqual([false, true, false, true])
    expect(pendings.open('k').alive).toBe(true)
    pendings.killAll()
    expect(other.alive).toBe(false)
  })

  test('spares the one write that asks for it, dead or alive', () => {
    const pendings = new PendingReads()
    const [mine, read] = [pendings.open('k'), pendings.open('k')]
    pendings.killOthers(mine)
    expect([mine.alive, read.alive]).toEqual([true, false])
    pendings.kill('k')
    pendings.killOthers(mine)
    expect(mine.alive).toBe(false)
  })
})

test('the newest is the one registered last of those under way', () => {
  const pendings = new PendingReads()
  expect(pendings.newest('k')).toBeUndefined()
  const [first, second, third] = [pendings.open('k'), pendings.open('k'), pendings.open('k')]
  expect(pendings.newest('k')).toBe(third)
  pendings.close(third)
  expect(pendings.newest('k')).toBe(second)
  pendings.close(first)
  pendings.close(second)
  pendings.close(second)
  expect(pendings.newest('k')).toBeUndefined()
})

test('cells of 100,000 keys are dropped on the way, and none with a read under way', () => {
  const pendings = new PendingReads()
  const live = Array.from({ length: 10_000 }, (_, i) => pendings.open(`live ${i}`))
  for (let i = 0; i < 100_000; i++) pendings.close(pendings.open(`k${i}`))
  for (const one of live) expect(pendings.newest(one.key)).toBe(one)
  pendings.killAll()
  expect(live.every((one) => !one.alive)).toBe(true)
})
