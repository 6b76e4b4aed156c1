import { describe, expect, test } from 'vitest'
import { errorOf } from '../testing/outcome.ts'
import { Stage } from '../testing/stage.ts'

describe('isolation', () => {
  test("'freeze': the loader's own object is answered to all, frozen to the bottom", async () => {
    await using stage = new Stage()
    const cache = stage.alone()
    const row = { tags: ['a'], at: { x: 1 } }
    const loaded = await cache.getOrSet('k', () => row)
    expect(loaded).toBe(row)
    expect(await cache.get('k')).toBe(row)
    expect(() => row.tags.push('b')).toThrow(TypeError)
    expect(Object.isFrozen(row.at)).toBe(true)
  })

  test("'freeze': the argument of set stays the giver's", async () => {
    await using stage = new Stage()
    const cache = stage.alone()
    const row = { tags: ['a'] }
    await cache.set('k', row)
    row.tags.push('b')
    expect(await cache.get('k')).toEqual({ tags: ['a'] })
  })

  test("'clone': every reader has a copy of his own", async () => {
    await using stage = new Stage()
    const cache = stage.alone({ isolation: 'clone' })
    const first = await cache.getOrSet('k', () => ({ tags: ['a'] }))
    first.tags.push('b')
    const second = await cache.get<{ tags: string[] }>('k')
    expect(second).toEqual({ tags: ['a'] })
    second?.tags.push('c')
    expect(await cache.get('k')).toEqual({ tags: ['a'] })
  })

  test("'share': the object as it is", async () => {
    await using stage = new Stage()
    const cache = stage.alone({ isolation: 'share' })
    const row = { tags: ['a'] }
    await cache.set('k', row)
    row.tags.push('b')
    expect(await cache.get('k')).toBe(row)
  })

  test('a value that no tier can keep is refused by its path, to every waiter, and is not cached', async () => {
    await using stage = new Stage()
    for (const cache of [stage.alone(), stage.node().cache]) {
      const loader = () => ({ rows: [{ run: () => 1 }] })
      const errors = await Promise.all([1, 2].map(() => errorOf(cache.getOrSet('k', loader))))
      for (const error of errors) {
        expect(error).toMatchObject({ code: 'unsupported_value' })
        expect(String(error)).toContain('rows[0].run')
      }
      expect(await cache.get('k')).toBeUndefined()
      expect(await cache.getOrSet('k', () => 'v')).toBe('v')
    }
  })
})
