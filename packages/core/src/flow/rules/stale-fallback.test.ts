/** Rules of docs/wire/protocol.md; each race is run with its rule and without it. */
import { describe, expect, test } from 'vitest'
import type { Cache } from '../../cache.ts'
import { Database } from '../../testing/database.ts'
import { watched } from '../../testing/outcome.ts'
import { race } from '../../testing/race.ts'
import { Stage } from '../../testing/stage.ts'

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
  const loaders: Record<string, () => unknown> = {
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
    const loader = loaders[one.what] ?? (() => 'no such loader')
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
