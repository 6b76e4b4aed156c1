import { describe, expect, test } from 'vitest'
import { NO_SLOT } from '../policy.ts'
import { Lfu, USES_BETWEEN_HALVINGS, USES_MAX } from './lfu.ts'

function openLfu(slots: number): Lfu {
  const lfu = new Lfu()
  lfu.reserve(slots)
  for (let slot = 0; slot < slots; slot++) lfu.added(slot)
  return lfu
}

function use(lfu: Lfu, slot: number, times: number): void {
  for (let i = 0; i < times; i++) lfu.used(slot)
}

function drain(lfu: Lfu): number[] {
  const order: number[] = []
  for (let slot = lfu.victim(); slot !== NO_SLOT; slot = lfu.victim()) {
    order.push(slot)
    lfu.removed(slot)
  }
  return order
}

describe('lfu', () => {
  test('chooses the least used, and of equals the one used least recently', () => {
    const lfu = openLfu(5)
    use(lfu, 0, 2)
    use(lfu, 1, 1)
    lfu.replaced(3)
    use(lfu, 4, 2)
    expect(drain(lfu)).toEqual([2, 1, 3, 0, 4])
  })

  test('goes by recency alone among those at the highest count', () => {
    const lfu = openLfu(200)
    use(lfu, 5, USES_MAX + 100)
    use(lfu, 6, USES_MAX)
    lfu.used(5)
    use(lfu, 7, USES_MAX - 2)
    expect(drain(lfu).slice(-3)).toEqual([7, 6, 5])
  })

  test('lets what was hot leave after 8 halvings at most, while the new is used little', () => {
    const entries = 100
    const lfu = openLfu(entries)
    use(lfu, 0, USES_MAX)
    // Every other entry is used once a round: 10 rounds or so between halvings.
    let rounds = 0
    while (lfu.victim() !== 0 && rounds < 1000) {
      for (let slot = 1; slot < entries; slot++) lfu.used(slot)
      rounds++
    }
    expect(rounds).toBeGreaterThan(USES_BETWEEN_HALVINGS)
    expect(rounds).toBeLessThanOrEqual(8 * (USES_BETWEEN_HALVINGS + 1))
  })

  test('halves the count of an entry that was not used meanwhile as often as the others', () => {
    const lfu = openLfu(100)
    use(lfu, 0, USES_MAX)
    for (let slot = 3; slot < 100; slot++) lfu.removed(slot)
    // Three are held: one use halves at once, and every 30 more halve again. Slot 0 comes to 255 >> 4 = 15.
    use(lfu, 2, 1 + 30 + 30 + 30)
    lfu.reserve(200)
    lfu.removed(1)
    lfu.added(1)
    use(lfu, 1, 9)
    use(lfu, 0, 1)
    use(lfu, 2, 1)
    expect(drain(lfu)).toEqual([1, 0, 2])
  })

  test('keeps the order of leaving when it halves', () => {
    const lfu = openLfu(4)
    for (const [slot, times] of [4, 2, 1, 3].entries()) use(lfu, slot, times)
    // The 40th use, adding included, halves: slots 1 and 2 then both count 1, and 2 was used last.
    use(lfu, 0, 40 - 4 - 10)
    expect(drain(lfu)).toEqual([2, 1, 3, 0])
  })

  test('lets a count fall to 0, behind a new entry', () => {
    const lfu = openLfu(2)
    use(lfu, 1, 20 - 2)
    // Halved: slot 0 counted 1 and now counts 0. Used once, it is level with a new entry, and older.
    lfu.used(0)
    lfu.removed(1)
    lfu.added(1)
    expect(drain(lfu)).toEqual([0, 1])
  })
})
