import { manualClock } from '@holdfast/testkit'
import type { Invalidation } from 'holdfast/contracts'
import { describe, expect, test } from 'vitest'
import { OwedToServer } from './owed-to-server.ts'

const NAMES_MAX = 100
// More turns than lie between an acknowledgement and the end of a replay.
const TURNS = Array.from({ length: 20 }, (_, turns) => turns)

function keys(...names: string[]): Invalidation {
  return { kind: 'keys', names }
}

describe('what is owed to a server', () => {
  test.each(TURNS)('is told although it came %d turns behind the last acknowledgement', async (turns) => {
    const clock = manualClock({ seed: 1 })
    const told: Invalidation[] = []
    let acknowledge = () => {}
    const owed: OwedToServer = new OwedToServer(NAMES_MAX, clock, {
      mayTell: () => true,
      tell: (invalidation) => {
        told.push(invalidation)
        return new Promise((resolve) => {
          acknowledge = resolve
        })
      },
      settled: () => expect(owed.size).toBe(0),
    })
    owed.add(keys('a'))
    acknowledge()
    for (let turn = 0; turn < turns; turn++) await undefined
    owed.add(keys('b'))
    await clock.settle()
    acknowledge()
    await clock.settle()
    expect({ told, left: owed.size }).toEqual({ told: [keys('a'), keys('b')], left: 0 })
  })

  test('is told again after a while where it is not acknowledged', async () => {
    const clock = manualClock({ seed: 1 })
    let attempts = 0
    const owed = new OwedToServer(NAMES_MAX, clock, {
      mayTell: () => true,
      tell: async () => {
        if (++attempts === 1) throw new Error('no answer')
      },
      settled: () => {},
    })
    owed.add(keys('a'))
    await clock.settle()
    expect([attempts, owed.size]).toEqual([1, 1])
    await clock.advance(50)
    expect([attempts, owed.size]).toEqual([2, 0])
  })
})
