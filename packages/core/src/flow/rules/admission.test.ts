/** Rules of docs/wire/protocol.md; each race is run with its rule and without it. */
import { storeMutants } from '@holdfast/testkit'
import { describe, expect, test } from 'vitest'
import { Database } from '../../testing/database.ts'
import { watched } from '../../testing/outcome.ts'
import { always, race } from '../../testing/race.ts'
import { Stage } from '../../testing/stage.ts'

describe('P: only a read that no push has killed goes into L1', () => {
  test.each([{}, { rules: { mayAdmit: always } }])(
    'a push that shares a chunk with the reply to the READ finds its value in L1, and removes it: %o',
    async (off) => {
      await using stage = new Stage(off)
      const [a, b] = [stage.node(), stage.node()]
      await b.cache.set('k', 'old')
      a.connection.hold()
      const before = watched(a.cache.get('k'))
      await stage.settle()
      await b.cache.delete('k')
      a.connection.release()
      await stage.settle()
      expect([before(), await a.cache.get('k')]).toEqual([{ value: 'old' }, undefined])
    },
  )

  race('a push that shares a chunk with the reply to the question for the tags of the READ', {
    off: { rules: { mayAdmit: always } },
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      await b.cache.set('k', 'old', { tags: ['t'] })
      a.connection.hold()
      const before = watched(a.cache.get('k'))
      await stage.settle()
      a.connection.release(1)
      await stage.settle()
      await b.cache.delete('k')
      a.connection.release()
      await stage.settle()
      return { before: before(), after: await a.cache.get('k') }
    },
    holds: { before: { value: 'old' }, after: undefined },
    breaks: { before: { value: 'old' }, after: 'old' },
  })

  race('a push that shares a chunk with the reply to the FILL', {
    off: { rules: { mayAdmit: always } },
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      const db = new Database('old')
      db.hold()
      const before = watched(a.cache.getOrSet('k', db.load))
      await stage.settle()
      a.connection.hold()
      db.release()
      await stage.settle()
      db.value = 'new'
      await b.cache.delete('k')
      a.connection.release()
      await stage.settle()
      return { before: before(), after: await a.cache.getOrSet('k', db.load) }
    },
    holds: { before: { value: 'old' }, after: 'new' },
    breaks: { before: { value: 'old' }, after: 'old' },
  })

  race('a push that shares a chunk with the reply to the PUT', {
    off: { rules: { mayAdmit: always } },
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      await a.cache.get('k')
      a.connection.hold()
      const put = watched(a.cache.set('k', 'old'))
      await stage.settle()
      await b.cache.set('k', 'new')
      a.connection.release()
      await stage.settle()
      return { put: put(), after: await a.cache.get('k') }
    },
    holds: { put: { value: { l2: 'applied', stored: true } }, after: 'new' },
    breaks: { put: { value: { l2: 'applied', stored: true } }, after: 'old' },
  })

  race('a delete of this process while its own READ is under way', {
    off: { rules: { mayAdmit: always } },
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      await b.cache.set('k', 'old')
      a.connection.hold()
      const before = watched(a.cache.get('k'))
      await stage.settle()
      stage.server.failNext('invalidate', 100)
      const deleted = watched(a.cache.delete('k'))
      await stage.settle()
      // Only the reply to the READ: the delete has no answer yet.
      a.connection.release(1)
      await stage.settle()
      return { before: before(), deleted: deleted(), l1: a.cache.stats().l1.entries }
    },
    holds: { before: { value: 'old' }, deleted: 'pending', l1: 0 },
    breaks: { before: { value: 'old' }, deleted: 'pending', l1: 1 },
  })

  test('a token is not learned from a reply that shares a chunk with the push of its change', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    for (const invalidate of [() => b.cache.clear(), () => b.cache.invalidateTag('t')]) {
      await b.cache.setMany(
        [
          ['k', 'old'],
          ['other', 'old'],
        ],
        { tags: ['t'] },
      )
      a.connection.hold()
      const before = watched(a.cache.get('k'))
      await stage.settle()
      await invalidate()
      // The old token would make the other old entry match: it is read without asking for tokens again.
      a.connection.release()
      await stage.settle()
      expect(before()).not.toBe('pending')
      expect(await a.cache.get('other')).toBeUndefined()
    }
  })

  race('pushes come before the replies that the server sent after them', {
    off: { store: storeMutants.P },
    play: async (stage) => {
      const [a, b] = [stage.node({ l1: { mode: 'strong' } }), stage.node()]
      await b.cache.set('k', 'old')
      await a.cache.get('k')
      await b.cache.delete('k')
      return await a.cache.get('k')
    },
    holds: undefined,
    breaks: 'old',
  })
})
