import { describe, expect, test } from 'vitest'
import { NO_SLOT } from '../policy.ts'
import { Lru } from './lru.ts'

describe('lru', () => {
  test('chooses the least recently read or written', () => {
    const lru = new Lru()
    lru.reserve(4)
    expect(lru.victim()).toBe(NO_SLOT)
    for (const slot of [0, 1, 2, 3]) lru.added(slot)
    lru.used(0)
    lru.replaced(1)
    lru.used(0)
    const order: number[] = []
    for (let slot = lru.victim(); slot !== NO_SLOT; slot = lru.victim()) {
      order.push(slot)
      lru.removed(slot)
    }
    expect(order).toEqual([2, 3, 1, 0])
  })
})
