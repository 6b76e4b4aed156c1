import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NO_SLOT } from '../policy.ts'
import { Ttl } from './ttl.ts'

describe('ttl', () => {
  test('chooses the one forgotten soonest, however often it was read', () => {
    const ttl = new Ttl()
    ttl.reserve(3)
    expect(ttl.victim()).toBe(NO_SLOT)
    ttl.added(0, 30)
    ttl.added(1, 10)
    ttl.added(2, 20)
    ttl.used()
    expect(ttl.victim()).toBe(1)
    ttl.replaced(1, 40)
    expect(ttl.victim()).toBe(2)
    ttl.replaced(0, 5)
    expect(ttl.victim()).toBe(0)
  })

  test('drains in the order of time after any additions, changes and removals', () => {
    const change = fc.record({ slot: fc.nat(199), forgetAt: fc.oneof(fc.nat(1000), fc.constant(Infinity)) })
    const property = fc.property(fc.array(change, { maxLength: 600, size: 'max' }), (changes) => {
      const ttl = new Ttl()
      ttl.reserve(200)
      const moments = new Map<number, number>()
      for (const [i, { slot, forgetAt }] of changes.entries()) {
        if (!moments.has(slot)) ttl.added(slot, forgetAt)
        else if (i % 3 > 0) ttl.replaced(slot, forgetAt)
        else ttl.removed(slot)
        if (moments.has(slot) && i % 3 === 0) moments.delete(slot)
        else moments.set(slot, forgetAt)
      }
      const drained: (number | undefined)[] = []
      for (let slot = ttl.victim(); slot !== NO_SLOT; slot = ttl.victim()) {
        drained.push(moments.get(slot))
        ttl.removed(slot)
      }
      expect(drained).toEqual([...moments.values()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)))
    })
    fc.assert(property)
  })
})
