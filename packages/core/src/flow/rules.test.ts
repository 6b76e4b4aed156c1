/**
 * Every rule of the protocol, each in an interleaving where it alone stands between a caller and an old value. Each
 * runs twice: with the rule, and with the rule switched off, where the bad outcome must really happen.
 */
import { decorateStore, type MemoryServer, storeMutants } from '@holdfast/testkit'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Cache } from '../cache.ts'
import { L2Link } from '../runtime/l2-link.ts'
import { Database } from '../testing/database.ts'
import { watched } from '../testing/outcome.ts'
import { type Off, Stage } from '../testing/stage.ts'

interface Race {
  /** What switches the rule off. */
  readonly off: Off
  /** Plays the interleaving and answers what was observed. */
  readonly play: (stage: Stage) => Promise<unknown>
  readonly holds: unknown
  readonly breaks: unknown
}

const always = (): true => true

function race(title: string, { off, play, holds, breaks }: Race): void {
  test(title, async () => {
    await using stage = new Stage()
    expect(await play(stage)).toEqual(holds)
  })
  test(`${title}: not without the rule`, async () => {
    await using stage = new Stage(off)
    expect(await play(stage)).toEqual(breaks)
  })
}

afterEach(() => {
  vi.restoreAllMocks()
})

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

  race('a call after the delete of this node does not wait for the load that began before it', {
    off: { rules: { mayJoin: always } },
    play: async (stage) => {
      const { cache } = stage.node()
      const db = new Database('old')
      db.hold()
      const before = watched(cache.getOrSet('k', db.load))
      await stage.settle()
      await cache.delete('k')
      const after = watched(cache.getOrSet('k', () => 'new'))
      await stage.settle()
      return { before: before(), after: after() }
    },
    holds: { before: 'pending', after: { value: 'new' } },
    breaks: { before: 'pending', after: 'pending' },
  })

  race('a call does not take the reply to an L2 READ that was written before it began', {
    // A store that never says that it has written lets calls share a READ until its reply.
    off: {
      store: (definition) =>
        decorateStore(definition, {
          namespace: (inner) => ({ read: (request, by) => inner.read({ ...request }, by) }),
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

describe('S: a stale fallback belongs to the call whose own READ returned it', () => {
  race('a call after the invalidation is not given what the leader of its flight held', {
    off: { rules: { fallback: (own, flights) => own ?? flights } },
    play: async (stage) => {
      const options = { l1: false as const, ttl: '1s' as const, staleIfError: '1h' as const }
      const [a, b] = [stage.node(options), stage.node(options)]
      await b.cache.set('k', 'old', { tags: ['t'] })
      await stage.advance(2_000)
      const db = new Database('unused')
      db.hold()
      const before = watched(a.cache.getOrSet('k', db.load, { tags: ['t'] }))
      await stage.settle()
      await b.cache.invalidateTag('t')
      const after = watched(a.cache.getOrSet('k', db.load, { tags: ['t'] }))
      await stage.settle()
      db.loads[0]?.fail(new Error('database down'))
      await stage.settle()
      return { before: before(), after: after() }
    },
    holds: { before: { value: 'old' }, after: { error: 'database down' } },
    breaks: { before: { value: 'old' }, after: { value: 'old' } },
  })
})

describe('S: nothing old comes back after an invalidation, whatever the loader does', () => {
  const loaders = {
    throws: () => Promise.reject(new Error('database down')),
    'throws at once': () => {
      throw new Error('database down')
    },
    hangs: () => new Promise<never>(() => undefined),
    'answers undefined': () => undefined,
  }
  const invalidations: Record<string, (cache: Cache) => Promise<unknown>> = {
    delete: (cache) => cache.delete('k'),
    invalidateTag: (cache) => cache.invalidateTag('t'),
    clear: (cache) => cache.clear(),
  }
  const windows = { ttl: '1s', swr: '1h', staleIfError: '1h', hardTimeout: '2s' } as const
  const cases = Object.keys(invalidations).flatMap((how) =>
    Object.keys(loaders).flatMap((what) =>
      (['own', 'other'] as const).flatMap((whose) =>
        ([{}, false] as const).flatMap((l1) =>
          [false, true].map((stale) => ({ how, what, whose, l1, stale })),
        ),
      ),
    ),
  )
  test.for(cases)('$how by the $whose node, loader $what (L1 $l1, stale $stale)', async (one) => {
    await using stage = new Stage()
    const [a, b] = [stage.node({ ...windows, l1: one.l1 }), stage.node(windows)]
    await a.cache.getOrSet('k', () => 'old', { tags: ['t'] })
    expect(await a.cache.getOrSet('k', () => 'unused')).toBe('old')
    if (one.stale) await stage.advance(1_500)
    await invalidations[one.how]?.(one.whose === 'own' ? a.cache : b.cache)
    await stage.settle()
    expect(await a.cache.get('k')).toBeUndefined()
    const loader: () => unknown = loaders[one.what as keyof typeof loaders]
    const calls = [
      watched(a.cache.getOrSet('k', loader, { tags: ['t'] })),
      watched(a.cache.getOrSet('k', loader, { tags: ['t'], softTimeout: '500ms' })),
    ]
    await stage.settle()
    calls.push(watched(a.cache.getOrSet('k', loader, { tags: ['t'], softTimeout: '500ms' })))
    await stage.advance(7_000)
    for (const call of calls) {
      expect(call()).not.toEqual({ value: 'old' })
      expect(call()).not.toBe('pending')
    }
    expect(await a.cache.get('k')).toBeUndefined()
  })
})

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

describe('P: only a read that no push has killed goes into L1', () => {
  race('a push that shares a chunk with the reply to the READ', {
    off: { rules: { mayAdmit: always } },
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      await b.cache.set('k', 'old')
      a.connection.hold()
      const before = watched(a.cache.get('k'))
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
    holds: { put: { value: { l2: 'applied' } }, after: 'new' },
    breaks: { put: { value: { l2: 'applied' } }, after: 'old' },
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

describe('Q: what L2 has not acknowledged is fenced in this process', () => {
  const usableAlways = {
    server: () => void vi.spyOn(L2Link.prototype, 'usable', 'get').mockReturnValue(true),
  }

  race('a key whose delete is queued is not read from L2', {
    off: usableAlways,
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      await b.cache.set('k', 'old')
      stage.server.failNext('invalidate', 1)
      const deleted = await a.cache.delete('k')
      return { deleted, after: await a.cache.get('k') }
    },
    holds: { deleted: { l2: 'queued' }, after: undefined },
    breaks: { deleted: { l2: 'queued' }, after: 'old' },
  })

  race('a load that began before the queued delete is not filled', {
    off: usableAlways,
    play: async (stage) => {
      const { cache } = stage.node()
      const db = new Database('old')
      db.hold()
      const before = watched(cache.getOrSet('k', db.load))
      await stage.settle()
      stage.server.failNext('invalidate', 1)
      await cache.delete('k')
      db.value = 'new'
      db.release()
      await stage.settle()
      return { before: before(), after: await cache.getOrSet('k', db.load) }
    },
    holds: { before: { value: 'old' }, after: 'new' },
    breaks: { before: { value: 'old' }, after: 'old' },
  })

  race('nor one that began before a queued tag', {
    off: usableAlways,
    play: async (stage) => {
      const { cache } = stage.node()
      const db = new Database('old')
      db.hold()
      const before = watched(cache.getOrSet('k', db.load, { tags: ['t'] }))
      await stage.settle()
      stage.server.failNext('invalidateTags', 1)
      await cache.invalidateTag('t')
      db.value = 'new'
      db.release()
      await stage.settle()
      return { before: before(), after: await cache.getOrSet('k', db.load, { tags: ['t'] }) }
    },
    holds: { before: { value: 'old' }, after: 'new' },
    breaks: { before: { value: 'old' }, after: 'old' },
  })

  race('a wait for the load of another node does not end with what it fills', {
    off: usableAlways,
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      const db = new Database('old')
      db.hold()
      const elsewhere = watched(b.cache.getOrSet('k', db.load, { tags: ['t'] }))
      await stage.settle()
      const before = watched(a.cache.getOrSet('k', db.load, { tags: ['t'] }))
      await stage.settle()
      stage.server.failNext('invalidateTags', 100)
      await a.cache.invalidateTag('t')
      db.value = 'new'
      const after = watched(a.cache.getOrSet('k', db.load, { tags: ['t'] }))
      await stage.settle()
      db.release()
      await stage.advance(100)
      return {
        elsewhere: elsewhere(),
        after: after(),
        later: await a.cache.get('k'),
        before: before() !== 'pending',
      }
    },
    holds: { elsewhere: { value: 'old' }, after: { value: 'new' }, later: 'new', before: true },
    breaks: { elsewhere: { value: 'old' }, after: { value: 'old' }, later: 'old', before: true },
  })

  test.for(['delete', 'invalidateTag', 'clear'] as const)(
    '%s stays fenced while its replay is on its way, and when the replay fails',
    async (how) => {
      await using stage = new Stage()
      const [a, b] = [stage.node(), stage.node()]
      await b.cache.set('k', 'old', { tags: ['t'] })
      for (const operation of ['invalidate', 'invalidateTags', 'clear'] as const)
        stage.server.failNext(operation, 2)
      const invalidate = { delete: 'k', invalidateTag: 't', clear: undefined } as const
      const name = invalidate[how]
      const asked = how === 'clear' ? a.cache.clear() : a.cache[how](name ?? '')
      expect(await asked).toEqual({ l2: 'queued' })
      a.connection.hold()
      await stage.advance(50)
      // The replay is written and will be refused.
      const during = watched(a.cache.get('k'))
      await stage.settle()
      a.connection.release()
      await stage.settle()
      expect(during()).toEqual({ value: undefined })
      expect(await a.cache.get('k')).toBeUndefined()
      expect(a.cache.stats().l2).toEqual({ online: false, queuedInvalidations: 1 })
      await stage.advance(10_000)
      expect(a.cache.stats().l2).toEqual({ online: true, queuedInvalidations: 0 })
      expect(await b.cache.get('k')).toBeUndefined()
    },
  )

  test('after a lost connection the queue is replayed before L2 is used', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    const db = new Database('old')
    await a.cache.getOrSet('k', db.load, { tags: ['t'] })
    a.connection.disconnect()
    db.value = 'new'
    expect(await a.cache.delete('k')).toEqual({ l2: 'queued' })
    expect(await b.cache.get('k')).toBe('old')
    a.connection.reconnect()
    const values = await Promise.all([a.cache.getOrSet('k', db.load), a.cache.get('k')])
    expect(values).not.toContain('old')
    await stage.advance(10_000)
    expect(a.cache.stats().l2).toEqual({ online: true, queuedInvalidations: 0 })
    expect(await b.cache.get('k')).not.toBe('old')
    expect(await a.cache.getOrSet('k', db.load)).toBe('new')
  })

  test('an expire in the queue never weakens a delete of the same key, in either order', async () => {
    await using stage = new Stage()
    const windows = { swr: '1h', ttl: '1h' } as const
    const [a, b] = [stage.node(windows), stage.node(windows)]
    await b.cache.setMany([
      ['deleted-first', 'old'],
      ['expired-first', 'old'],
    ])
    a.connection.disconnect()
    await a.cache.delete('deleted-first')
    await a.cache.expire('deleted-first')
    await a.cache.expire('expired-first')
    await a.cache.delete('expired-first')
    a.connection.reconnect()
    await stage.advance(10_000)
    expect(await b.cache.getMany(['deleted-first', 'expired-first'])).toEqual([undefined, undefined])
  })

  test('more names than the queue holds clear the namespace instead', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await b.cache.set('unrelated', 'old')
    await b.cache.namespace('other').set('k', 'kept')
    a.connection.disconnect()
    await a.cache.deleteMany(Array.from({ length: 10_001 }, (_, i) => `k${i}`))
    expect(a.cache.stats().l2.queuedInvalidations).toBe(1)
    stage.server.resetStats()
    a.connection.reconnect()
    await stage.advance(100)
    expect(stage.server.stats.commands).toMatchObject({ clear: 1, invalidate: 0 })
    expect(await b.cache.get('unrelated')).toBeUndefined()
    expect(await b.cache.namespace('other').get('k')).toBe('kept')
  })

  test('close says how many were never applied', async () => {
    await using stage = new Stage()
    const { cache, connection } = stage.node()
    await stage.settle()
    connection.disconnect()
    await cache.deleteMany(['a', 'b'])
    await cache.invalidateTag('t')
    expect(await cache.close()).toEqual({ notApplied: 3 })
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

describe('C and R: what a server forgot or remembered wrongly', () => {
  const withoutRestartFence = (server: MemoryServer): void => {
    vi.spyOn(server.commands, 'admit').mockReturnValue(undefined)
  }

  race('R: a restart with old data does not bring a deleted value back', {
    off: { server: withoutRestartFence },
    play: async (stage) => {
      const [a, b] = [stage.node(), stage.node()]
      const db = new Database('old')
      await a.cache.getOrSet('k', db.load, { tags: ['t'] })
      await a.cache.getOrSet('tagged', db.load, { tags: ['t'] })
      const saved = stage.server.snapshot()
      db.value = 'new'
      await b.cache.delete('k')
      await b.cache.invalidateTag('t')
      stage.server.restartWithData(saved)
      await stage.settle()
      return await Promise.all(['k', 'tagged'].map((key) => a.cache.getOrSet(key, db.load, { tags: ['t'] })))
    },
    holds: ['new', 'new'],
    breaks: ['old', 'old'],
  })

  /** Rule C alone: rule R would fence the restart as a whole. */
  const leasesOutliveTheirConnection = (server: MemoryServer): void => {
    Object.defineProperty(server.commands, 'holdsLease', {
      value: (_at: unknown, _key: string, token: string) =>
        [...server.snapshot().lease.values()].some((lease) => lease.value.token === token),
    })
  }
  const lateFillAfterRestart = async (stage: Stage): Promise<unknown> => {
    const [a, b] = [stage.node(), stage.node()]
    const db = new Database('old')
    db.hold()
    const before = watched(a.cache.getOrSet('k', db.load))
    await stage.settle()
    const saved = stage.server.snapshot()
    db.value = 'new'
    await b.cache.delete('k')
    stage.server.restartWithData(saved)
    await stage.settle()
    db.release()
    await stage.settle()
    const after = watched(b.cache.getOrSet('k', db.load))
    // Longer than the lease that the server remembers.
    await stage.advance(1_500)
    return [before(), after()]
  }

  test('C: a lease is void on another connection, whatever the restarted server remembers', async () => {
    await using stage = new Stage({ server: withoutRestartFence })
    expect(await lateFillAfterRestart(stage)).toEqual([{ value: 'old' }, { value: 'new' }])
  })

  test('C: not without the rule', async () => {
    await using stage = new Stage({
      server: (server) => {
        withoutRestartFence(server)
        leasesOutliveTheirConnection(server)
      },
    })
    expect(await lateFillAfterRestart(stage)).toEqual([{ value: 'old' }, { value: 'old' }])
  })

  test('an empty restart and a flush cost misses, nothing else', async () => {
    await using stage = new Stage()
    const { cache } = stage.node()
    for (const disturb of [() => stage.server.restartEmpty(), () => stage.server.flushAll()]) {
      await cache.set('k', 'v', { tags: ['t'] })
      disturb()
      await stage.settle()
      expect(await cache.get('k')).toBeUndefined()
      expect(await cache.getOrSet('k', () => 'v2', { tags: ['t'] })).toBe('v2')
      expect(await cache.get('k')).toBe('v2')
    }
  })

  test('a full server refuses fills and applies invalidations', async () => {
    await using stage = new Stage()
    const [a, b] = [stage.node(), stage.node()]
    await a.cache.set('k', 'old', { tags: ['t'] })
    expect(await b.cache.get('k')).toBe('old')
    stage.server.outOfMemory = true
    expect(await a.cache.invalidateTag('t')).toEqual({ l2: 'applied' })
    await stage.settle()
    expect(await b.cache.get('k')).toBeUndefined()
    expect(await b.cache.getOrSet('k', () => 'new', { tags: ['t'] })).toBe('new')
    expect(await a.cache.clear()).toEqual({ l2: 'applied' })
    await stage.settle()
    expect(await b.cache.get('k')).toBeUndefined()
  })

  test('a full server makes nobody wait for a lease: neither a refused fill nor missing tokens keep one', async () => {
    await using stage = new Stage()
    const nodes = [stage.node({ l1: false }), stage.node({ l1: false })]
    const db = new Database('v')
    for (const { cache } of nodes) await cache.getOrSet('first', db.load)
    stage.server.outOfMemory = true
    for (const { cache } of [...nodes, ...nodes]) expect(await cache.getOrSet('k', db.load)).toBe('v')
    await nodes[0]?.cache.invalidateTag('t')
    for (const { cache } of [...nodes, ...nodes]) expect(await cache.getOrSet('k', db.load)).toBe('v')
    expect(db.loads).toHaveLength(9)
    stage.server.outOfMemory = false
    for (const { cache } of nodes) await cache.getOrSet('k', db.load)
    expect(db.loads).toHaveLength(10)
  })
})
