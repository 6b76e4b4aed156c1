/** What a server of a pool is owed while it is away, and how long it is waited for. */
import { AwaitedRead, CacheError, type StoreWatcher } from 'holdfast/contracts'
import { describe, expect, test } from 'vitest'
import { createPlacement } from './create-placement.ts'
import type { PoolRules } from './pool-rules.ts'
import { ModelServers, modelPool, PoolStage } from './testing/memory-pool.ts'

/** Keys by the index of the server that keeps them. */
function keysOf(stage: PoolStage, server: number, count: number): string[] {
  const placement = createPlacement('ketama', stage.models.listed)
  const keys = Array.from({ length: 200 }, (_, i) => `k${i}`)
  return keys.filter((key) => placement.serverOf(key) === server).slice(0, count)
}

describe('what cannot be told to a server', () => {
  const play = async (deleted: number) => {
    await using stage = new PoolStage({ rules: { owedNamesMax: 3 } })
    const [a, b] = [stage.node(), stage.node()]
    await stage.settle()
    const [here, elsewhere] = [keysOf(stage, 0, 6), keysOf(stage, 1, 6)]
    for (const key of [...here, ...elsewhere]) await b.cache.set(key, 'old')
    a.connections[0]?.disconnect()
    for (const key of here.slice(0, deleted)) expect(await a.cache.delete(key)).toEqual({ l2: 'queued' })
    const { queuedInvalidations } = a.cache.stats().l2
    a.connections[0]?.reconnect()
    await stage.settle()
    const left = async (keys: string[]) =>
      (await b.cache.getMany(keys)).filter((value) => value === 'old').length
    return { queuedInvalidations, here: await left(here), elsewhere: await left(elsewhere) }
  }

  test('is owed to it by name', async () => {
    expect(await play(3)).toEqual({ queuedInvalidations: 3, here: 3, elsewhere: 6 })
  })

  test('is a clear of the namespace there, once there is too much of it', async () => {
    expect(await play(4)).toEqual({ queuedInvalidations: 1, here: 0, elsewhere: 6 })
  })

  test('makes worthless what a read was about to bring from there', async () => {
    const readWhileOwed = async (rules: Partial<PoolRules>) => {
      await using stage = new PoolStage()
      const { clock, models } = stage
      const environment = {
        clock,
        cacheName: 'shop',
        tracking: 'tokens',
        heartbeatMs: 60_000,
        l2TimeoutMs: 250,
        maxValueBytes: 1024,
        log: () => undefined,
      } as const
      const [key = ''] = keysOf(stage, 0, 1)
      await stage.node().cache.set(key, 'old')
      const store = modelPool(models, { rules }).open(environment)
      const names = store.namespace('shop', SILENT)
      await stage.settle()
      const connection = models.servers[0]?.connections.at(-1)
      connection?.hold()
      const read = new AwaitedRead(key)
      names.read(read, clock.now() + 250)
      await stage.settle()
      // Its time is over before it is sent: refused without a server.
      expect(await names.invalidate([key], clock.now() - 1)).toBe('queued')
      connection?.release()
      const found = await read.reply.then(
        (reply) => reply.found?.readable,
        (error: unknown) => (error instanceof CacheError ? error.code : error),
      )
      await store.close()
      return found
    }
    expect(await readWhileOwed({})).toBe('l2_part_away')
    expect(await readWhileOwed({ mayUse: () => true })).toBe(true)
  })
})

const SILENT: StoreWatcher = {
  keyChanged() {},
  leaseChanged() {},
  tagChanged() {},
  namespaceChanged() {},
  everythingChanged() {},
  connected() {},
  lost() {},
  verified() {},
}

describe('a server that is silent', () => {
  test('is waited for by its first callers, then probed; the others are never waited for', async () => {
    await using stage = new PoolStage()
    const { cache } = stage.node()
    const [silent, answering] = [keysOf(stage, 0, 6), keysOf(stage, 1, 6)]
    for (const key of [...silent, ...answering]) await cache.set(key, 'v')
    stage.models.servers[0]?.pause()
    const first = cache.getMany(silent)
    await stage.advance(250)
    expect(await first).toEqual(silent.map(() => undefined))
    // No time passes any more.
    expect(await cache.getMany(silent)).toEqual(silent.map(() => undefined))
    expect(await cache.getMany(answering)).toEqual(answering.map(() => 'v'))
    expect(await cache.delete(silent[0] ?? '')).toEqual({ l2: 'queued' })
    expect(cache.stats().l2).toMatchObject({ online: true, breaker: 'closed', queuedInvalidations: 1 })
    stage.models.servers[0]?.resume()
    await stage.advance(1_000)
    expect(await cache.getMany(silent)).toEqual(silent.map((_, i) => (i === 0 ? undefined : 'v')))
    expect(cache.stats().l2.queuedInvalidations).toBe(0)
  })
})

describe('a namespace', () => {
  const opened = async (connected: readonly number[], use: { readonly isInUse: boolean }) => {
    await using stage = new PoolStage()
    if (use.isInUse) {
      stage.node()
      await stage.settle()
    }
    stage.models.servers.forEach((server, i) => {
      if (!connected.includes(i)) server.stop()
    })
    const { cache } = stage.node()
    await stage.settle()
    const atOnce = cache.stats().l2.online
    await stage.advance(150)
    const soon = cache.stats().l2.online
    await stage.advance(2_600)
    return { atOnce, soon, later: cache.stats().l2.online }
  }
  const [fresh, inUse] = [{ isInUse: false }, { isInUse: true }]

  test.each([fresh, inUse])('is used as soon as all of its servers are there (%j)', async (use) => {
    expect(await opened([0, 1, 2], use)).toEqual({ atOnce: true, soon: true, later: true })
  })

  test('waits for the last of them, for a moment, where others use it already', async () => {
    expect(await opened([0, 2], inUse)).toEqual({ atOnce: false, soon: true, later: true })
  })

  test('waits for as long as it takes to be heard of, where nobody is known to use it', async () => {
    expect(await opened([0, 2], fresh)).toEqual({ atOnce: false, soon: false, later: true })
  })

  test('is not used where none is there', async () => {
    expect(await opened([], fresh)).toEqual({ atOnce: false, soon: false, later: false })
  })

  test('is lost with its last server, and back with the first', async () => {
    await using stage = new PoolStage()
    const { cache, connections } = stage.node()
    await stage.settle()
    const states: boolean[] = []
    for (const connection of connections) {
      connection.disconnect()
      await stage.settle()
      states.push(cache.stats().l2.online)
    }
    connections[1]?.reconnect()
    await stage.settle()
    // For a moment it waits for the others.
    await stage.advance(150)
    expect([...states, cache.stats().l2.online]).toEqual([true, true, false, true])
  })

  test('tells the facts of each server, and their sums', async () => {
    await using stage = new PoolStage()
    const { cache, connections } = stage.node()
    await stage.settle()
    for (const key of keysOf(stage, 0, 3)) await cache.set(key, 'v')
    connections[2]?.disconnect()
    await cache.invalidateTag('t')
    const facts = await cache.inspect()
    expect(facts?.servers?.map(({ state, owed }) => [state, owed])).toEqual([
      ['used', 0],
      ['used', 0],
      ['away', 1],
    ])
    expect(facts?.keys).toBe((facts?.servers ?? []).reduce((sum, one) => sum + (one.facts?.keys ?? 0), 0))
  })
})

test('a pool of one hands on what its server says, and leaves what is owed to the cache', async () => {
  const models = new ModelServers(1, 'model')
  const environment = {
    clock: new PoolStage().clock,
    cacheName: 'shop',
    tracking: 'tokens',
    heartbeatMs: 60_000,
    l2TimeoutMs: 250,
    maxValueBytes: 1024,
    log: () => undefined,
  } as const
  const store = modelPool(models).open(environment)
  const names = store.namespace('shop', SILENT)
  // Connected, and not asked yet whether it admits the ring: another may be in use.
  await expect(names.invalidate(['k'], environment.clock.now() + 100)).rejects.toThrow()
  models.servers[0]?.stop()
  const codeOf = (call: Promise<unknown>) => call.catch((error: CacheError) => error.code)
  expect(await codeOf(names.invalidate(['k'], environment.clock.now() + 100))).toBe('l2_unavailable')
  expect(await codeOf(names.tokens('k', [], undefined, environment.clock.now() + 100))).toBe('l2_unavailable')
  expect(names.owed).toBe(0)
  await store.close()
})
