import { describe, expect, test } from 'vitest'
import type { Clock } from '../clock.ts'
import { CacheError } from '../errors.ts'
import { ENTRIES_MAX, type MemoryEntry, MemoryStore, type MemoryStoreOptions } from './memory-store.ts'

/** A clock that stands until it is set. */
function manualClock(): Clock & { nowMs: number } {
  return {
    nowMs: 0,
    now() {
      return this.nowMs
    },
    wallNow() {
      return this.nowMs
    },
    random: () => 0,
    after: () => ({ cancel: () => {} }),
    token: () => '',
  }
}

function entry(key: string, weightBytes = 1, forgetAt = Infinity): MemoryEntry {
  return { key, weightBytes, forgetAt }
}

function openStore(options: Partial<MemoryStoreOptions<MemoryEntry>> = {}) {
  const clock = manualClock()
  const removed: string[] = []
  const store = new MemoryStore<MemoryEntry>({
    maxEntries: 3,
    maxBytes: 100,
    policy: 'lru',
    clock,
    onRemove: ({ key }, reason) => removed.push(`${key} ${reason}`),
    ...options,
  })
  return { store, clock, removed }
}

describe('a read', () => {
  test('returns the very entry that was set', () => {
    const { store } = openStore()
    const held = entry('a')
    expect(store.set(held)).toBe('stored')
    expect(store.get('a')).toBe(held)
    expect(store.peek('a')).toBe(held)
    expect(store.get('b')).toBeUndefined()
  })

  test('finds nothing from the moment forgetAt on, and get then removes the entry', () => {
    const { store, clock, removed } = openStore()
    store.set(entry('a', 5, 10))
    clock.nowMs = 9.999
    expect(store.get('a')?.key).toBe('a')
    clock.nowMs = 10
    expect(store.peek('a')).toBeUndefined()
    expect([...store.entries()]).toEqual([])
    expect(store.size).toBe(1)
    expect(store.get('a')).toBeUndefined()
    expect(store.size).toBe(0)
    expect(store.weightBytes).toBe(0)
    expect(store.expirations).toBe(1)
    expect(removed).toEqual(['a expired'])
  })

  test('goes by the time its caller hands in', () => {
    const { store } = openStore()
    store.set(entry('a', 1, 10))
    expect(store.peek('a', 10)).toBeUndefined()
    expect(store.get('a', 9)?.key).toBe('a')
    expect(store.get('a', 10)).toBeUndefined()
  })

  test('follows a forgetAt that was changed in place', () => {
    const { store, clock } = openStore()
    const held = entry('a', 1, 10)
    store.set(held)
    clock.nowMs = 15
    held.forgetAt = 20
    expect(store.get('a')).toBe(held)
    held.forgetAt = Number.NaN
    expect(store.get('a')).toBeUndefined()
  })

  test('by peek is no use', () => {
    const { store } = openStore({ maxEntries: 2 })
    store.set(entry('a'))
    store.set(entry('b'))
    store.peek('a')
    store.set(entry('c'))
    expect([...store.entries()].map(({ key }) => key).sort()).toEqual(['b', 'c'])
  })

  test.each(['', '__proto__', 'constructor', 'hasOwnProperty', '\ud800'])(
    'takes %j as a key like any',
    (key) => {
      const { store } = openStore()
      expect(store.get(key)).toBeUndefined()
      const held = entry(key)
      store.set(held)
      expect(store.get(key)).toBe(held)
      expect(store.delete(key)).toBe(held)
      expect(store.size).toBe(0)
    },
  )
})

describe('a set', () => {
  test('evicts until both bounds hold', () => {
    const { store, removed } = openStore()
    for (const key of ['a', 'b', 'c']) store.set(entry(key, 30))
    store.set(entry('d', 45))
    expect(removed).toEqual(['a evicted', 'b evicted'])
    expect(store.weightBytes).toBe(75)
    expect(store.evictions).toBe(2)
    store.set(entry('e', 100))
    expect([...store.entries()].map(({ key }) => key)).toEqual(['e'])
  })

  test('of a held key counts its new weight only, and evicts others for it', () => {
    const { store, removed } = openStore()
    for (const key of ['a', 'b', 'c']) store.set(entry(key, 30))
    store.set(entry('b', 10))
    expect(store.weightBytes).toBe(70)
    expect(removed).toEqual([])
    store.set(entry('b', 60))
    expect(removed).toEqual(['a evicted'])
    expect(store.weightBytes).toBe(90)
  })

  test('of a held key that would be the next to leave does not count as an eviction', () => {
    const { store, removed } = openStore()
    store.set(entry('a', 60))
    store.set(entry('b', 30))
    expect(store.set(entry('a', 80))).toBe('stored')
    expect(removed).toEqual(['b evicted'])
    expect(store.evictions).toBe(1)
    expect(store.peek('a')?.weightBytes).toBe(80)
  })

  test('reports a victim whose time was over as expired', () => {
    const { store, clock, removed } = openStore({ maxEntries: 1 })
    store.set(entry('a', 1, 10))
    clock.nowMs = 10
    store.set(entry('b'))
    expect(removed).toEqual(['a expired'])
    expect(store.evictions).toBe(0)
  })

  test('of an entry heavier than the store is refused and takes the outdated entry away', () => {
    const { store, removed } = openStore()
    store.set(entry('a', 10))
    store.set(entry('b', 10))
    expect(store.set(entry('a', 101))).toBe('too_large')
    expect(store.peek('a')).toBeUndefined()
    expect(store.weightBytes).toBe(10)
    expect(removed).toEqual([])
  })

  test.each([-1, 0.5, Number.NaN, Infinity])('of weight %d throws and changes nothing', (weightBytes) => {
    const { store } = openStore()
    const held = entry('a')
    store.set(held)
    expect(() => store.set(entry('a', weightBytes))).toThrow(CacheError)
    expect(() => store.set(entry('a', 1, Number.NaN))).toThrow('forgetAt')
    expect(store.peek('a')).toBe(held)
  })
})

describe("a full store of policy 'none'", () => {
  test('refuses a new entry, and keeps the others', () => {
    const { store, removed } = openStore({ policy: 'none' })
    for (const key of ['a', 'b', 'c']) expect(store.set(entry(key))).toBe('stored')
    expect(store.set(entry('d'))).toBe('full')
    expect(store.set(entry('b', 5))).toBe('stored')
    expect(removed).toEqual([])
    expect(store.size).toBe(3)
  })

  test('takes the outdated entry away where the new one does not fit', () => {
    const { store } = openStore({ policy: 'none' })
    store.set(entry('a', 50))
    store.set(entry('b', 50))
    expect(store.set(entry('a', 51))).toBe('full')
    expect(store.get('a')).toBeUndefined()
    expect(store.weightBytes).toBe(50)
  })

  test('makes room of what is forgotten', () => {
    const { store, clock, removed } = openStore({ policy: 'none' })
    for (const key of ['a', 'b', 'c']) store.set(entry(key, 1, key === 'b' ? 10 : Infinity))
    clock.nowMs = 10
    expect(store.set(entry('d'))).toBe('stored')
    expect(removed).toEqual(['b expired'])
  })

  test('looks at no more than 100 slots for it, and goes on there the next time', () => {
    const { store, clock } = openStore({ policy: 'none', maxEntries: 150, maxBytes: 1000 })
    for (let i = 0; i < 150; i++) store.set(entry(`${i}`, 1, i < 120 ? Infinity : 10))
    clock.nowMs = 10
    expect(store.set(entry('new'))).toBe('full')
    expect(store.expirations).toBe(0)
    expect(store.set(entry('new'))).toBe('stored')
    expect(store.expirations).toBe(30)
  })
})

describe('a store that is full', () => {
  test('holds as many entries as it may, whatever came and went before', () => {
    const { store } = openStore({ maxEntries: 1000, maxBytes: 1000 })
    for (let i = 0; i < 10_000; i++) {
      store.set(entry(`${i}`))
      if (i % 3 === 0) store.delete(`${i - 1}`)
    }
    for (let i = 0; i < 1000; i++) store.set(entry(`last ${i}`))
    expect(store.size).toBe(1000)
    expect([...store.entries()].every(({ key }) => key.startsWith('last'))).toBe(true)
  })
})

describe('the sweep', () => {
  test('looks at 1000 slots a step and goes round', () => {
    const { store, clock } = openStore({ maxEntries: 2500, maxBytes: 2500 })
    for (let i = 0; i < 2500; i++) store.set(entry(`${i}`, 1, i % 2 === 0 ? 10 : 20))
    expect(store.sweep()).toBe(0)
    clock.nowMs = 10
    expect([store.sweep(), store.sweep(), store.sweep()]).toEqual([500, 500, 250])
    clock.nowMs = 20
    expect([store.sweep(), store.sweep(), store.sweep()]).toEqual([500, 500, 250])
    expect(store.size).toBe(0)
    expect(store.sweep()).toBe(0)
  })
})

describe('a removal', () => {
  test('by hand is not reported', () => {
    const { store, removed } = openStore()
    for (const key of ['a', 'b', 'c']) store.set(entry(key, 10))
    expect(store.delete('a')?.key).toBe('a')
    expect(store.delete('a')).toBeUndefined()
    expect(store.deleteWhere(({ key }) => key === 'b')).toBe(1)
    expect(store.weightBytes).toBe(10)
    store.clear()
    expect([store.size, store.weightBytes, removed]).toEqual([0, 0, []])
    expect(store.set(entry('a'))).toBe('stored')
    expect(store.get('a')?.key).toBe('a')
  })

  test('leaves the store whole when onRemove throws, and the throw is counted', () => {
    const { store, clock } = openStore({
      onRemove: () => {
        throw new Error('no')
      },
    })
    for (const key of ['a', 'b', 'c', 'd']) expect(store.set(entry(key, 1, 10))).toBe('stored')
    clock.nowMs = 10
    expect(store.get('b')).toBeUndefined()
    expect(store.sweep()).toBe(2)
    expect([store.size, store.weightBytes, store.callbackErrors]).toEqual([0, 0, 4])
  })

  test('leaves the store whole when onRemove deletes the key that is being set', () => {
    const { store, removed } = openStore({
      onRemove: ({ key }) => {
        removed.push(key)
        store.delete('c')
      },
    })
    for (const key of ['a', 'b', 'c']) store.set(entry(key, 30))
    expect(store.set(entry('c', 90))).toBe('stored')
    expect(removed).toEqual(['a', 'b'])
    expect([store.size, store.weightBytes]).toEqual([1, 90])
  })

  test('leaves the store whole when onRemove clears it', () => {
    const { store } = openStore({ maxEntries: 200, maxBytes: 200, onRemove: () => store.clear() })
    for (let i = 0; i < 200; i++) store.set(entry(`${i}`))
    expect(store.set(entry('new'))).toBe('stored')
    expect([...store.entries()].map(({ key }) => key)).toEqual(['new'])
    expect(store.weightBytes).toBe(1)
  })
})

describe('entries', () => {
  test('may be removed while they are listed', () => {
    const { store } = openStore()
    for (const key of ['a', 'b', 'c']) store.set(entry(key))
    const listed: string[] = []
    for (const { key } of store.entries()) {
      listed.push(key)
      store.delete('b')
    }
    expect(listed).toEqual(['a', 'c'])
  })
})

describe('the constructor', () => {
  test.each([0, -1, 1.5, Number.NaN, Infinity, ENTRIES_MAX + 1])(
    'refuses maxEntries %d by name',
    (maxEntries) => {
      expect(() => openStore({ maxEntries })).toThrow('maxEntries: expected a whole number from 1 to 7000000')
    },
  )

  test.each([0, -1, 1.5, Number.NaN, Infinity])('refuses maxBytes %d by name', (maxBytes) => {
    expect(() => openStore({ maxBytes })).toThrow('maxBytes: expected')
  })

  test('refuses a policy that it does not know', () => {
    const options: object = { policy: 'LRU' }
    expect(() => openStore(options)).toThrow(
      `policy: expected 'lru', 'lfu', 'ttl', 'random' or 'none', got "LRU"`,
    )
  })
})
