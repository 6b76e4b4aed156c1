import { changedRead, decorateStore } from '@holdfast/testkit'
import type { NamespaceStore, ReadRequest, Tokens } from 'holdfast/contracts'
import { describe, expect, test } from 'vitest'
import type { Cache } from '../../cache.ts'
import { Database } from '../../testing/database.ts'
import { watched } from '../../testing/outcome.ts'
import { Stage } from '../../testing/stage.ts'

describe('a read says whether its caller loads on a miss', () => {
  const load = () => 1
  const calls: Readonly<
    Record<string, readonly [intent: ReadRequest['intent'], call: (cache: Cache) => unknown]>
  > = {
    getOrSet: ['load', (cache) => cache.getOrSet('k', load)],
    getOrSetMany: ['load', (cache) => cache.getOrSetMany(['k'], () => [1])],
    refresh: ['load', (cache) => cache.refresh('k', load)],
    reserve: ['load', (cache) => cache.reserve('k').then((reserved) => reserved.release?.())],
    get: ['peek', (cache) => cache.get('k')],
    getMany: ['peek', (cache) => cache.getMany(['k'])],
    getEntry: ['peek', (cache) => cache.getEntry('k')],
    has: ['peek', (cache) => cache.has('k')],
    explain: ['peek', (cache) => cache.explain('k')],
  }

  test.each(Object.entries(calls))('%s', async (_, [intent, call]) => {
    const intents: string[] = []
    const read = (inner: NamespaceStore) => (request: ReadRequest, by: number) => {
      intents.push(request.intent)
      inner.read(changedRead(request, {}), by)
    }
    const store = { namespace: (inner: NamespaceStore) => ({ read: read(inner) }) }
    await using stage = new Stage({ store: (definition) => decorateStore(definition, store) })
    await call(stage.node().cache)
    expect(intents).toEqual([intent])
  })
})

test('tokens that came with the read which won the lease are not learned when the lease is claimed', async () => {
  let first: Tokens | undefined
  // As a store that grants leases with reads answers: with what was current when it read.
  const acquire =
    (inner: NamespaceStore): NamespaceStore['acquire'] =>
    async (request, by) => {
      const acquired = await inner.acquire(request, by)
      first ??= acquired.tokens
      return acquired.state === 'won' ? { state: 'won', tokens: first } : acquired
    }
  const store = { namespace: (inner: NamespaceStore) => ({ acquire: acquire(inner) }) }
  await using stage = new Stage({ store: (definition) => decorateStore(definition, store) })
  const { cache } = stage.node()
  const db = new Database('old')
  await cache.getOrSet('held', db.load, { tags: ['t'] })
  await cache.invalidateTag('t')
  db.hold()
  const under = watched(cache.getOrSet('other', db.load, { tags: ['t'] }))
  await stage.settle()
  expect(under()).toBe('pending')
  expect(await cache.get('held')).toBeUndefined()
  db.release()
})
