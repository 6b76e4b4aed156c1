/** Rules of docs/wire/protocol.md; each race is run with its rule and without it. */
import { storeMutants } from '@holdfast/testkit'
import { describe, expect, test } from 'vitest'
import { Database } from '../../testing/database.ts'
import { watched } from '../../testing/outcome.ts'
import { always, type Race, race } from '../../testing/race.ts'
import { type Off, Stage } from '../../testing/stage.ts'

describe('T: tags are captured before the load', () => {
  race('an entry whose tag was invalidated during the load matches nobody', {
    off: { store: storeMutants.T },
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      const db = new Database('old')
      db.hold()
      const first = watched(a.cache.getOrSet('k', db.load, { tags: ['t'] }))
      await stage.settle()
      db.value = 'new'
      await b.cache.invalidateTag('t')
      db.release()
      await stage.settle()
      return [first(), await a.cache.getOrSet('k', db.load, { tags: ['t'] }), await b.cache.get('k')]
    },
    holds: [{ value: 'old' }, 'new', 'new'],
    breaks: [{ value: 'old' }, 'old', 'old'],
  })

  race('the same for a namespace that was cleared during the load', {
    off: { store: storeMutants.T },
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      const db = new Database('old')
      db.hold()
      const first = watched(a.cache.getOrSet('k', db.load))
      await stage.settle()
      db.value = 'new'
      await b.cache.clear()
      db.release()
      await stage.settle()
      return [first(), await b.cache.getOrSet('k', db.load)]
    },
    holds: [{ value: 'old' }, 'new'],
    breaks: [{ value: 'old' }, 'old'],
  })

  race('a fill whose tags moved is not shared with callers after the invalidation', {
    off: { rules: { sameTokens: always } },
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      const db = new Database('old')
      db.hold()
      const before = watched(a.cache.getOrSet('k', db.load, { tags: ['t'] }))
      await stage.settle()
      db.value = 'new'
      await b.cache.invalidateTag('t')
      const after = watched(a.cache.getOrSet('k', db.load, { tags: ['t'] }))
      await stage.settle()
      db.release()
      await stage.settle()
      return { before: before(), after: after() }
    },
    holds: { before: { value: 'old' }, after: { value: 'new' } },
    breaks: { before: { value: 'old' }, after: { value: 'old' } },
  })
})

describe("T': tags that only the loaded row knows", () => {
  const options = { tags: (row: string) => [`row:${row.split(' ')[0]}`] }
  const derived = (off: Off): Race => ({
    off,
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      const db = new Database('7 old')
      db.hold()
      const first = watched(a.cache.getOrSet('k', db.load, options))
      await stage.settle()
      db.value = '7 new'
      await b.cache.invalidateTag('row:7')
      db.release()
      await stage.settle()
      return [first(), await b.cache.getOrSet('k', db.load, options)]
    },
    holds: [{ value: '7 old' }, '7 new'],
    breaks: [{ value: '7 old' }, '7 old'],
  })
  race(
    'an invalidation of one during the load is seen by the epoch',
    derived({ rules: { epochHeld: always } }),
  )
  race('an invalidation of one replaces the epoch in L2', derived({ store: storeMutants["T'"] }))

  race('in one process without L2, too', {
    off: { rules: { epochHeld: always } },
    play: async (stage) => {
      const cache = stage.alone()
      const db = new Database('7 old')
      db.hold()
      const first = watched(cache.getOrSet('k', db.load, options))
      await stage.settle()
      db.value = '7 new'
      await cache.invalidateTag('row:7')
      db.release()
      await stage.settle()
      return [first(), await cache.getOrSet('k', db.load, options)]
    },
    holds: [{ value: '7 old' }, '7 new'],
    breaks: [{ value: '7 old' }, '7 old'],
  })

  test('the first load of such a row is stored, if no tag was invalidated meanwhile', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    const db = new Database('7')
    await a.cache.getOrSet('k', db.load, options)
    expect(await b.cache.getOrSet('k', db.load, options)).toBe('7')
    expect(db.loads).toHaveLength(1)
    await a.cache.invalidateTag('row:7')
    expect(await b.cache.get('k')).toBeUndefined()
  })

  test('a refused load leaves its tags as hints: the next one is stored although the epoch moves again', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    const db = new Database('7')
    for (const round of [1, 2]) {
      db.hold()
      const call = watched(a.cache.getOrSet('k', db.load, options))
      await stage.settle()
      await b.cache.invalidateTag('unrelated')
      db.release()
      await stage.settle()
      expect(call()).toEqual({ value: '7' })
      expect(await b.cache.get('k')).toBe(round === 1 ? undefined : '7')
    }
    expect(a.cache.stats().refusedFills).toBe(1)
  })
})

describe('U: tokens are unique, and a missing one matches nothing', () => {
  race('an invalidated entry does not come back when its tag is evicted', {
    off: { store: storeMutants.U },
    play: async (stage) => {
      const { cache } = stage.node({ l1: false })
      const db = new Database('old')
      await cache.getOrSet('k', db.load, { tags: ['t'] })
      db.value = 'new'
      await cache.invalidateTag('t')
      stage.server.evict({ kind: 'tag', namespace: 'shop', name: 't' })
      return await cache.getOrSet('k', db.load, { tags: ['t'] })
    },
    holds: 'new',
    breaks: 'old',
  })

  test('an evicted tag or namespace token is a miss, never an error', async () => {
    await using stage = new Stage()
    const { cache } = stage.node()
    for (const name of [
      { kind: 'tag', namespace: 'shop', name: 't' },
      { kind: 'namespace', namespace: 'shop', name: '' },
      { kind: 'epoch', namespace: 'shop', name: '' },
      { kind: 'value', namespace: 'shop', name: 'k' },
    ] as const) {
      await cache.set('k', name.kind, { tags: ['t'] })
      expect(stage.server.evict(name), name.kind).toBe(true)
      await stage.settle()
      expect(await cache.getOrSet('k', () => 'loaded', { tags: ['t'] })).toBe(
        name.kind === 'epoch' ? 'epoch' : 'loaded',
      )
      expect(await cache.get('k')).toBe(name.kind === 'epoch' ? 'epoch' : 'loaded')
    }
  })
})
