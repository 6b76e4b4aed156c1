import { describe, expect, test } from 'vitest'
import type { Cache } from '../cache.ts'
import type { CacheEvent } from '../events.ts'
import { Database } from '../testing/database.ts'
import { codeOf, errorOf, watched } from '../testing/outcome.ts'
import { Stage } from '../testing/stage.ts'
import type { InvalidateOptions } from './invalidate.ts'

/** A commit under way: it becomes visible when told to. */
function heldCommit(db: Database<string>): {
  readonly commit: () => Promise<string>
  finish(): void
  fail(error: unknown): void
} {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  return {
    commit: () => promise,
    finish: () => {
      db.value = 'new'
      resolve('committed')
    },
    fail: reject,
  }
}

const NAMES = { keys: ['k'], tags: ['t'] }

describe('write', () => {
  test('answers what its function gave, and how far the invalidation has come', async () => {
    await using stage = new Stage()
    for (const cache of [stage.node().cache, stage.alone()]) {
      await cache.set('k', 'old')
      await cache.set('tagged', 'old', { tags: ['t'] })
      expect(await cache.write(NAMES, () => 42)).toEqual({ value: 42, l2: 'applied' })
      expect(await cache.getMany(['k', 'tagged'])).toEqual([undefined, undefined])
    }
  })

  test('removes the old values before the commit: a writer that dies in it leaves nothing old', async () => {
    await using stage = new Stage()
    const [writer, other] = [stage.node(), stage.node()]
    const db = new Database('old')
    await other.cache.getOrSet('k', db.load)
    await other.cache.getOrSet('tagged', db.load, { tags: ['t'] })
    const { commit, finish } = heldCommit(db)
    watched(writer.cache.write(NAMES, commit))
    await stage.settle()
    finish()
    // It dies between the commit and what it would have told L2.
    writer.connection.disconnect()
    await stage.settle()
    expect(await other.cache.getMany(['k', 'tagged'])).toEqual([undefined, undefined])
    expect(await other.cache.getOrSet('k', db.load)).toBe('new')
    expect(await other.cache.getOrSet('tagged', db.load, { tags: ['t'] })).toBe('new')
  })

  const fillDuringCommit = async (stage: Stage): Promise<unknown> => {
    const [writer, other] = [stage.node(), stage.node()]
    const db = new Database('old')
    const { commit, finish } = heldCommit(db)
    watched(writer.cache.write(NAMES, commit))
    await stage.settle()
    // The commit is under way: the database still answers the old row.
    await other.cache.getOrSet('k', db.load)
    await other.cache.getOrSet('tagged', db.load, { tags: ['t'] })
    await other.cache.set('k', 'old too')
    finish()
    writer.connection.disconnect()
    await stage.advance(1_500)
    return await Promise.all([
      other.cache.getOrSet('k', db.load),
      other.cache.getOrSet('tagged', db.load, { tags: ['t'] }),
    ])
  }

  test('while it commits nobody stores what it touches', async () => {
    await using stage = new Stage()
    expect(await fillDuringCommit(stage)).toEqual(['new', 'new'])
  })

  test('while it commits: not without the quarantine', async () => {
    await using stage = new Stage({
      server: ({ commands }) => Object.defineProperty(commands, 'isQuarantined', { value: () => false }),
    })
    expect(await fillDuringCommit(stage)).toEqual(['old too', 'old'])
  })

  test('a load that began before the commit is not stored', async () => {
    await using stage = new Stage()
    const [writer, other] = [stage.node(), stage.node()]
    const db = new Database('old')
    for (const loading of [writer.cache, other.cache]) {
      db.value = 'old'
      db.hold()
      const before = watched(loading.getOrSet('k', db.load))
      await stage.settle()
      const { commit, finish } = heldCommit(db)
      const written = watched(writer.cache.write(NAMES, commit))
      await stage.settle()
      finish()
      await stage.settle()
      expect(written()).toEqual({ value: { value: 'committed', l2: 'applied' } })
      db.release()
      await stage.settle()
      expect(before()).toEqual({ value: 'old' })
      expect(await loading.getOrSet('k', db.load)).toBe('new')
      await writer.cache.delete('k')
    }
  })

  test('the quarantine is renewed while the commit runs, and ends with it', async () => {
    await using stage = new Stage()
    const [writer, other] = [stage.node(), stage.node()]
    const db = new Database('old')
    const { commit, finish } = heldCommit(db)
    const written = watched(writer.cache.write(NAMES, commit))
    await stage.advance(20_000)
    // Answered, and kept nowhere: not in L1 of this process either.
    expect(await other.cache.getOrSet('k', db.load)).toBe('old')
    expect(other.cache.stats().l1.entries).toBe(0)
    expect(await other.cache.get('k')).toBeUndefined()
    finish()
    await stage.settle()
    expect(written()).toEqual({ value: { value: 'committed', l2: 'applied' } })
    await other.cache.getOrSet('k', db.load)
    await stage.advance(1_001)
    expect(await other.cache.get('k')).toBe('new')
  })

  describe('a writer that closes right behind its write', () => {
    /** Its write is over, and the server has not yet heard that its quarantine is. */
    async function written(stage: Stage): Promise<{ cache: Cache; troubles: () => CacheEvent[] }> {
      const told: CacheEvent[] = []
      const { cache } = stage.node({
        onEvent: (event) => {
          told.push(event)
          if (event.type === 'invalidate') stage.server.pause()
        },
      })
      await cache.write({ keys: ['k'] }, () => 1)
      return { cache, troubles: () => told.filter((event) => event.type === 'trouble') }
    }

    test('takes its quarantine along, and tells of no trouble', async () => {
      await using stage = new Stage()
      const other = stage.node().cache
      const { cache, troubles } = await written(stage)
      const closed = watched(cache.close())
      await stage.advance(100)
      expect(closed()).toBe('pending')
      stage.server.resume()
      await stage.settle()
      expect(closed()).toEqual({ value: { notApplied: 0 } })
      expect(await other.set('k', 'v')).toEqual({ l2: 'applied', stored: true })
      expect(troubles()).toEqual([])
    })

    test('waits for that no longer than l2Timeout', async () => {
      await using stage = new Stage()
      const { cache, troubles } = await written(stage)
      const closed = watched(cache.close())
      await stage.advance(249)
      expect(closed()).toBe('pending')
      await stage.advance(1)
      expect(closed()).toEqual({ value: { notApplied: 0 } })
      expect(troubles()).toHaveLength(1)
    })
  })

  describe('a cache that is closed while a commit runs', () => {
    /** A process that commits for as long as it likes, and closes its cache behind that. */
    async function closing(stage: Stage, options?: InvalidateOptions) {
      const { cache } = stage.node()
      await cache.set('k', 'old')
      const { promise: committed, resolve: commit } = Promise.withResolvers<string>()
      const writing = watched(cache.write({ keys: ['k'] }, () => committed, options))
      await stage.settle()
      return { writing, closed: watched(cache.close()), commit: () => commit('committed') }
    }

    test('waits for it, and applies what it invalidates', async () => {
      await using stage = new Stage()
      const other = stage.node().cache
      const { writing, closed, commit } = await closing(stage)
      await stage.advance(2_900)
      expect(closed()).toBe('pending')
      // Still protected: it was renewed.
      expect(await other.set('k', 'old')).toMatchObject({ stored: false })
      commit()
      await stage.settle()
      expect(writing()).toEqual({ value: { value: 'committed', l2: 'applied' } })
      expect(closed()).toEqual({ value: { notApplied: 0 } })
      expect(await other.set('k', 'new')).toEqual({ l2: 'applied', stored: true })
    })

    test.each([
      ['says', undefined, { value: { value: 'committed', l2: 'queued' } }],
      ['rejects, where it is required,', { require: 'applied' }, { error: 'not_applied' }],
    ] as const)(
      'counts one that takes longer than three seconds, which %s that L2 was not told',
      async (_, options, answer) => {
        await using stage = new Stage()
        const { writing, closed, commit } = await closing(stage, options)
        await stage.advance(3_000)
        expect([writing(), closed()]).toEqual(['pending', { value: { notApplied: 1 } }])
        // Nothing of it goes on but the commit itself.
        await stage.advance(10_000)
        expect(stage.clock.pendingTimers).toBe(0)
        commit()
        await stage.settle()
        expect(writing()).toEqual(answer)
        expect(stage.clock.pendingTimers).toBe(0)
      },
    )
  })

  test('the quarantine of a dead writer ends after 3 seconds', async () => {
    await using stage = new Stage()
    const [writer, other] = [stage.node(), stage.node({ l1: false })]
    const db = new Database('old')
    watched(writer.cache.write(NAMES, heldCommit(db).commit))
    await stage.settle()
    writer.connection.disconnect()
    await stage.advance(2_900)
    await other.cache.getOrSet('k', db.load)
    expect(await other.cache.get('k')).toBeUndefined()
    await stage.advance(200)
    await other.cache.getOrSet('k', db.load)
    expect(await other.cache.get('k')).toBe('old')
  })

  test('two writers of one key: the end of one does not end the quarantine of the other', async () => {
    await using stage = new Stage()
    const nodes = [stage.node(), stage.node(), stage.node({ l1: false })] as const
    const db = new Database('old')
    const first = heldCommit(db)
    const second = heldCommit(db)
    watched(nodes[0].cache.write(NAMES, first.commit))
    watched(nodes[1].cache.write(NAMES, second.commit))
    await stage.settle()
    first.finish()
    await stage.settle()
    await nodes[2].cache.getOrSet('k', db.load)
    expect(await nodes[2].cache.get('k')).toBeUndefined()
    second.finish()
    await stage.settle()
    await nodes[2].cache.getOrSet('k', db.load)
    expect(await nodes[2].cache.get('k')).toBe('new')
  })

  test('a commit that throws is told as itself, and invalidates too: it may have happened', async () => {
    await using stage = new Stage()
    for (const cache of [stage.node().cache, stage.alone()]) {
      await cache.set('k', 'old')
      const lost = new Error('connection lost during commit')
      expect(await errorOf(cache.write(NAMES, () => Promise.reject(lost)))).toBe(lost)
      expect(await cache.get('k')).toBeUndefined()
      expect(await cache.getOrSet('k', () => 'new')).toBe('new')
      expect(await cache.get('k')).toBe('new')
    }
  })

  test('rejects before the commit where L2 is away, slow, or owed an invalidation', async () => {
    await using stage = new Stage()
    const { cache, connection } = stage.node()
    await cache.get('warm-up')
    let commits = 0
    const commit = () => ++commits
    connection.disconnect()
    expect(await codeOf(cache.write(NAMES, commit))).toBe('l2_unavailable')
    await cache.delete('owed')
    connection.reconnect()
    expect(await codeOf(cache.write(NAMES, commit))).toBe('l2_unavailable')
    await stage.advance(100)
    expect(await cache.write(NAMES, commit)).toEqual({ value: 1, l2: 'applied' })
    stage.server.pause()
    const slow = watched(cache.write(NAMES, commit))
    await stage.advance(250)
    expect(slow()).toEqual({ error: 'l2_timeout' })
    expect(commits).toBe(1)
  })

  test('L2 lost after the commit: the invalidation is queued, and the answer says so', async () => {
    await using stage = new Stage()
    const [writer, other] = [stage.node(), stage.node()]
    const db = new Database('old')
    const { commit, finish } = heldCommit(db)
    const written = watched(writer.cache.write(NAMES, commit))
    await stage.settle()
    writer.connection.disconnect()
    finish()
    await stage.settle()
    expect(written()).toEqual({ value: { value: 'committed', l2: 'queued' } })
    writer.connection.reconnect()
    await stage.advance(100)
    expect(writer.cache.stats().l2.queuedInvalidations).toBe(0)
    expect(await other.cache.getOrSet('k', db.load)).toBe('new')
  })

  test("with { require: 'applied' } a lost L2 rejects, although the commit stands", async () => {
    await using stage = new Stage()
    const { cache, connection } = stage.node()
    const written = cache.write(
      NAMES,
      () => {
        connection.disconnect()
        return 'committed'
      },
      { require: 'applied' },
    )
    expect(await codeOf(written)).toBe('not_applied')
  })

  test('wrong names are refused before anything happens', async () => {
    await using stage = new Stage()
    const { cache } = stage.node()
    let commits = 0
    const commit = () => ++commits
    const misspelt: object = { key: ['k'] }
    expect(String(await errorOf(cache.write(misspelt, commit)))).toContain('did you mean keys?')
    expect(String(await errorOf(cache.write({}, commit)))).toContain('write: expected { keys, tags }')
    expect(await codeOf(cache.write({ keys: [''] }, commit))).toBe('invalid_argument')
    expect(await codeOf(cache.write({ tags: [''] }, commit))).toBe('invalid_argument')
    expect(commits).toBe(0)
  })
})
