import { manualClock } from '@holdfast/testkit'
import { describe, expect, test } from 'vitest'
import { OwedLeases } from './owed-leases.ts'
import type { WonLease } from './won-lease.ts'

function lease(i: number, on: WonLease['on'] = 'stub'): WonLease {
  return { key: `k${i}`, cas: `1${i}`.padEnd(20, '0'), on, generation: 1 }
}

describe('leases that are owed', () => {
  test('are handed over once, while somebody may wait for them', async () => {
    const clock = manualClock()
    const owed = new OwedLeases(clock)
    owed.add(lease(1))
    owed.add(lease(2, 'value'))
    await clock.advance(1_999)
    owed.add(lease(3))
    await clock.advance(1)
    // A stub has ended by itself, and a mark on a value has not.
    expect(owed.takeAll().map(({ key }) => key)).toEqual(['k2', 'k3'])
    expect(owed.takeAll()).toEqual([])
  })

  test('are none where the server has counted: on the next connection it names another', () => {
    const owed = new OwedLeases(manualClock())
    owed.add({ ...lease(1), cas: '17' })
    expect(owed.takeAll()).toEqual([])
  })

  test('are a thousand at most', () => {
    const owed = new OwedLeases(manualClock())
    for (let i = 0; i < 1_001; i++) owed.add(lease(i))
    expect(owed.takeAll().length).toBe(1_000)
  })
})
