/** Rules of docs/wire/protocol.md; each race is run with its rule and without it. */
import { decorateStore, memoryStore, storeMutants } from '@holdfast/testkit'
import type { StoreDefinition } from 'holdfast/contracts'
import { describe, expect, test } from 'vitest'
import { Database } from '../../testing/database.ts'
import { watched } from '../../testing/outcome.ts'
import { always, race } from '../../testing/race.ts'
import { Stage } from '../../testing/stage.ts'

// More than there are between a reply and L1.
const HOPS_MAX = 20

/**
 * The server sees a PUT behind the ACQUIRE that has found an entry; both are answered when the gate opens, the PUT some
 * microtasks earlier or later.
 */
function heldAnswers(definition: StoreDefinition, gate: Promise<void>, hops: number): StoreDefinition {
  const found = Promise.withResolvers<void>()
  return decorateStore(definition, {
    namespace: (inner) => ({
      acquire: async (request, by) => {
        const acquired = await inner.acquire(request, by)
        if (acquired.state !== 'found') return acquired
        found.resolve()
        await gate
        await microtasks(HOPS_MAX / 2)
        return acquired
      },
      put: async (request, by) => {
        await found.promise
        const reply = await inner.put(request, by)
        await gate
        await microtasks(hops)
        return reply
      },
    }),
  })
}

async function microtasks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await undefined
}

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

  test.each([
    { off: {}, isOldKept: false },
    { off: { rules: { mayAdmit: always } }, isOldKept: true },
  ])(
    'what an ACQUIRE found gives way to a set of this process that is answered in the same turn: $off',
    async ({ off, isOldKept }) => {
      const seen: unknown[] = []
      // Each await between a reply and L1 is a place where the other one's may go on.
      for (let hops = 0; hops < HOPS_MAX; hops++) {
        await using stage = new Stage(off)
        const gate = Promise.withResolvers<void>()
        const held = heldAnswers(memoryStore(stage.server), gate.promise, hops)
        const [a, b] = [stage.node({ l1: { mode: 'none' }, l2: held }), stage.node()]
        const db = new Database('old')
        db.hold()
        const loading = watched(b.cache.getOrSet('k', db.load))
        await stage.settle()
        const waiting = watched(a.cache.getOrSet('k', db.load))
        await stage.settle()
        db.release()
        await stage.settle()
        const set = watched(a.cache.set('k', 'new'))
        // It asks for the lease again, and finds what was filled.
        await stage.advance(50)
        gate.resolve()
        await stage.settle()
        expect([loading(), waiting()]).toEqual([{ value: 'old' }, { value: 'old' }])
        expect(set()).toEqual({ value: { l2: 'applied', stored: true } })
        seen.push(await a.cache.get('k'))
      }
      expect(seen.includes('old')).toBe(isOldKept)
    },
  )

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
