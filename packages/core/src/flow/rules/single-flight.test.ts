/** Rules of docs/wire/protocol.md; each race is run with its rule and without it. */
import { changedRead, decorateStore, storeMutants } from '@holdfast/testkit'
import { describe, expect, test } from 'vitest'
import { Database } from '../../testing/database.ts'
import { watched } from '../../testing/outcome.ts'
import { always, race } from '../../testing/race.ts'
import { Stage } from '../../testing/stage.ts'

describe('F: a fill is stored only while its token holds the lease', () => {
  race('a load that another node deleted under is not stored', {
    off: { store: storeMutants.F },
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      const db = new Database('old')
      db.hold()
      const first = watched(a.cache.getOrSet('k', db.load))
      await stage.settle()
      db.value = 'new'
      await b.cache.delete('k')
      db.release()
      await stage.settle()
      return [first(), await b.cache.getOrSet('k', db.load)]
    },
    holds: [{ value: 'old' }, 'new'],
    breaks: [{ value: 'old' }, 'old'],
  })

  race('a load that another node set over does not overwrite it', {
    off: { store: storeMutants.F },
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      const db = new Database('old')
      db.hold()
      const first = watched(a.cache.getOrSet('k', db.load))
      await stage.settle()
      await b.cache.set('k', 'new')
      db.release()
      await stage.settle()
      return [first(), await a.cache.get('k'), await b.cache.get('k')]
    },
    holds: [{ value: 'old' }, 'new', 'new'],
    breaks: [{ value: 'old' }, 'old', 'old'],
  })
})

describe('J: a call shares only what began, and was proven, after it', () => {
  race('a call after the delete of another node does not take the load that began before it', {
    off: { rules: { mayShare: always } },
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      const db = new Database('old')
      db.hold()
      const before = watched(a.cache.getOrSet('k', db.load))
      await stage.settle()
      db.value = 'new'
      await b.cache.delete('k')
      const after = watched(a.cache.getOrSet('k', db.load))
      await stage.settle()
      db.release()
      await stage.settle()
      return { before: before(), after: after(), loads: db.loads.length }
    },
    holds: { before: { value: 'old' }, after: { value: 'new' }, loads: 2 },
    breaks: { before: { value: 'old' }, after: { value: 'old' }, loads: 1 },
  })

  race('a call that comes while the reply of the FILL is on its way does not take it', {
    off: { rules: { mayJoin: always, mayShare: always } },
    play: async (stage) => {
      const [a, b] = [stage.node({ l1: false }), stage.node({ l1: false })]
      const db = new Database('old')
      db.hold()
      const before = watched(a.cache.getOrSet('k', db.load))
      await stage.settle()
      a.connection.hold()
      db.release()
      await stage.settle()
      // The FILL is stored, its reply is held back; now the value changes.
      db.value = 'new'
      await b.cache.delete('k')
      const after = watched(a.cache.getOrSet('k', db.load))
      await stage.settle()
      a.connection.release()
      await stage.settle()
      return { before: before(), after: after() }
    },
    holds: { before: { value: 'old' }, after: { value: 'new' } },
    breaks: { before: { value: 'old' }, after: { value: 'old' } },
  })

  race('a call does not take what an ACQUIRE found that was sent before the call began', {
    off: { rules: { mayShare: always } },
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      const db = new Database('new')
      a.connection.hold()
      const before = watched(a.cache.getOrSet('k', db.load))
      await stage.settle()
      await b.cache.set('k', 'old')
      // Only the reply to the READ, which found nothing: ACQUIRE is sent, and finds what was set meanwhile.
      a.connection.release(1)
      await stage.settle()
      await b.cache.delete('k')
      const after = watched(a.cache.getOrSet('k', db.load))
      await stage.settle()
      a.connection.release()
      await stage.settle()
      return { before: before(), after: after() }
    },
    holds: { before: { value: 'old' }, after: { value: 'new' } },
    breaks: { before: { value: 'old' }, after: { value: 'old' } },
  })

  race('a call does not take "no such row" of a load that another node deleted under', {
    off: { rules: { mayShare: always } },
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      const db = new Database<string | undefined>(undefined)
      db.hold()
      const before = watched(a.cache.getOrSet('k', db.load))
      await stage.settle()
      db.value = 'born'
      await b.cache.delete('k')
      const after = watched(a.cache.getOrSet('k', db.load))
      await stage.settle()
      db.release()
      await stage.settle()
      return { before: before(), after: after() }
    },
    holds: { before: { value: undefined }, after: { value: 'born' } },
    breaks: { before: { value: undefined }, after: { value: undefined } },
  })

  race('a call does not take the error of a load that another node deleted under', {
    off: { rules: { mayShare: always } },
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      const db = new Database('v')
      db.hold()
      const before = watched(a.cache.getOrSet('k', db.load))
      await stage.settle()
      await b.cache.delete('k')
      const after = watched(a.cache.getOrSet('k', db.load))
      await stage.settle()
      db.loads[0]?.fail(new Error('down'))
      await stage.settle()
      db.release()
      await stage.settle()
      return { before: before(), after: after() }
    },
    holds: { before: { error: 'down' }, after: { value: 'v' } },
    breaks: { before: { error: 'down' }, after: { error: 'down' } },
  })

  for (const how of ['delete', 'clear'] as const) {
    race(`a call after the ${how} of this node does not wait for the load that began before it`, {
      off: { rules: { mayJoin: always } },
      play: async (stage) => {
        const { cache } = stage.node()
        const db = new Database('old')
        db.hold()
        const before = watched(cache.getOrSet('k', db.load))
        await stage.settle()
        await (how === 'clear' ? cache.clear() : cache.delete('k'))
        const after = watched(cache.getOrSet('k', () => 'new'))
        // A clear leaves the old lease to run out.
        await stage.advance(1_200)
        return { before: before(), after: after() }
      },
      holds: { before: 'pending', after: { value: 'new' } },
      breaks: { before: 'pending', after: 'pending' },
    })
  }

  race('a call does not take the reply to an L2 READ that was written before it began', {
    // A store that never says that it has written lets calls share a READ until its reply.
    off: {
      store: (definition) =>
        decorateStore(definition, {
          namespace: (inner) => ({
            read: (request, by) => inner.read(changedRead(request, { written: false }), by),
          }),
        }),
    },
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      await b.cache.set('k', 'old')
      a.connection.hold()
      const before = watched(a.cache.get('k'))
      await stage.settle()
      await b.cache.set('k', 'new')
      const after = watched(a.cache.get('k'))
      await stage.settle()
      a.connection.release()
      await stage.settle()
      return { before: before(), after: after() }
    },
    holds: { before: { value: 'old' }, after: { value: 'new' } },
    breaks: { before: { value: 'old' }, after: { value: 'old' } },
  })

  test('calls of one tick share one READ', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await b.cache.set('k', 'v')
    stage.server.resetStats()
    const values = await Promise.all(Array.from({ length: 100 }, () => a.cache.get('k')))
    expect(new Set(values)).toEqual(new Set(['v']))
    expect(stage.server.stats.commands.read).toBe(1)
  })
})

describe('L: at most two loads of a key in a process', () => {
  race('however often the key is deleted under running loads', {
    off: { rules: { mayFollow: always } },
    play: async (stage) => {
      const { cache } = stage.node()
      const db = new Database('v')
      db.hold()
      const calls = []
      for (let round = 0; round < 5; round++) {
        calls.push(watched(cache.getOrSet('k', db.load)))
        await stage.settle()
        await cache.delete('k')
      }
      const runningAtOnce = db.loads.length
      while (calls.some((call) => call() === 'pending')) {
        for (const load of db.loads) load.finish()
        await stage.settle()
      }
      return { runningAtOnce, max: db.runningMax, total: db.loads.length }
    },
    // The three later calls form one follow-up.
    holds: { runningAtOnce: 2, max: 2, total: 3 },
    breaks: { runningAtOnce: 5, max: 5, total: 5 },
  })

  race('a refused fill makes one follow-up load for all who came later, not a load each', {
    off: { rules: { mayShare: () => false } },
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      const db = new Database('old')
      db.hold()
      const before = watched(a.cache.getOrSet('k', db.load))
      await stage.settle()
      await b.cache.delete('k')
      const after = Array.from({ length: 20 }, () => watched(a.cache.getOrSet('k', db.load)))
      await stage.settle()
      db.loads[0]?.finish()
      await stage.settle()
      // Every fill is refused from now on: the follow-up is taken all the same, it began after all of them.
      stage.server.outOfMemory = true
      db.release()
      await stage.settle()
      const ended = [before, ...after].every((call) => call() !== 'pending')
      return { ended, loads: db.loads.length }
    },
    holds: { ended: true, loads: 2 },
    breaks: { ended: true, loads: 21 },
  })

  race('an absent L2 does not make a load of every call', {
    off: { rules: { mayShare: () => false } },
    play: async (stage) => {
      const { cache, connection } = stage.node({ l1: false })
      connection.disconnect()
      const db = new Database('v')
      db.hold()
      const early = Array.from({ length: 20 }, () => watched(cache.getOrSet('k', db.load)))
      await stage.settle()
      const late = Array.from({ length: 20 }, () => watched(cache.getOrSet('k', db.load)))
      await stage.settle()
      db.loads[0]?.finish()
      await stage.settle()
      db.release()
      await stage.settle()
      expect([...early, ...late].every((call) => call() !== 'pending')).toBe(true)
      return db.loads.length
    },
    holds: 2,
    breaks: 40,
  })
})
