/** A store that can tell that a value has not changed does not send it again; what L1 holds is then as good as read anew. */
import { changedRead, decorateStore } from '@holdfast/testkit'
import type { NamespaceStore, ReadRequest, StoreDefinition } from 'holdfast/contracts'
import { expect, test } from 'vitest'
import type { Cache } from '../cache.ts'
import { watched } from '../testing/outcome.ts'
import { Stage } from '../testing/stage.ts'

const L1 = { mode: 'none', maxStale: '1s', maxEntries: 20_000 } as const
// Longer than L1 may answer by itself.
const LATER_MS = 1_500

/** What the store has sent: 'value', or 'unchanged'. */
let sent: string[]

/** The in-memory store, as one that tells of no changes, but on a read, whether there was one. */
function telling(definition: StoreDefinition): StoreDefinition {
  sent = []
  const read = (inner: NamespaceStore) => (request: ReadRequest, by: number) => {
    const answered: ReadRequest['answered'] = (found, tokens) => {
      const isKnown = request.known !== undefined && found?.seen === request.known
      sent.push(isKnown ? 'unchanged' : 'value')
      if (isKnown && request.unchanged !== undefined) request.unchanged(tokens)
      else request.answered(found, tokens)
    }
    inner.read(changedRead(request, { answered }), by)
  }
  const decorated = decorateStore(definition, { namespace: (inner) => ({ read: read(inner) }) })
  return {
    open: (environment) => {
      const store = decorated.open(environment)
      const capabilities = { ...store.capabilities, push: false }
      return Object.defineProperty(store, 'capabilities', { value: capabilities })
    },
  }
}

async function stageWith(
  value: unknown,
  tags: readonly string[] = [],
): Promise<{ stage: Stage; cache: Cache; other: Cache }> {
  const stage = new Stage({ store: telling })
  const { cache } = stage.node({ l1: L1 })
  const { cache: other } = stage.node({ l1: false })
  await other.set('k', value, { tags, staleIfError: '1h' })
  await cache.get('k')
  sent = []
  return { stage, cache, other }
}

test('a value that has not changed is not sent again: the very object is answered, and held once more', async () => {
  const { stage, cache } = await stageWith({ large: true })
  await using _ = stage
  const held = await cache.get('k')
  for (let round = 0; round < 3; round++) {
    await stage.advance(LATER_MS)
    expect(await cache.get('k')).toBe(held)
    // Within maxStale L1 answers by itself.
    expect(await cache.get('k')).toBe(held)
  }
  expect(sent).toEqual(['unchanged', 'unchanged', 'unchanged'])
})

test('one that has changed, or is gone, is', async () => {
  const { stage, cache, other } = await stageWith('old')
  await using _ = stage
  await stage.advance(LATER_MS)
  await other.set('k', 'new')
  expect(await cache.get('k')).toBe('new')
  await stage.advance(LATER_MS)
  await other.delete('k')
  expect(await cache.get('k')).toBeUndefined()
  expect(sent).toEqual(['value', 'value'])
})

test('one whose tag or namespace was invalidated is not served, though its bytes are the same', async () => {
  for (const invalidate of [(cache: Cache) => cache.invalidateTag('t'), (cache: Cache) => cache.clear()]) {
    const { stage, cache, other } = await stageWith('old', ['t'])
    await using _ = stage
    await stage.advance(LATER_MS)
    expect(await cache.get('k')).toBe('old')
    await stage.advance(LATER_MS)
    await invalidate(other)
    expect(await cache.get('k')).toBeUndefined()
  }
})

test('one whose tag was expired is stale', async () => {
  const { stage, cache, other } = await stageWith('old', ['t'])
  await using _ = stage
  await stage.advance(LATER_MS)
  await other.expireTag('t')
  expect(await cache.getEntry('k', { swr: '1m' })).toMatchObject({ value: 'old', state: 'stale' })
})

test('one that grows stale does so when its ttl ends, however often it was found unchanged', async () => {
  const { stage, cache } = await stageWith('old')
  await using _ = stage
  await stage.advance(3_600_000 - LATER_MS)
  expect(await cache.get('k')).toBe('old')
  await stage.advance(LATER_MS)
  expect(await cache.get('k')).toBeUndefined()
})

test('one of which a tag is not asked for is sent again', async () => {
  const { stage, cache, other } = await stageWith('old', ['t'])
  await using _ = stage
  // What tags a key has carried is remembered of 10,000 keys.
  const others = Array.from({ length: 10_000 }, (_, i) => `other ${i}`)
  await other.setMany(
    others.map((key) => [key, 1] as const),
    { tags: ['u'] },
  )
  await cache.getMany(others)
  await stage.advance(LATER_MS)
  await other.invalidateTag('t')
  sent = []
  expect(await cache.get('k')).toBeUndefined()
  expect(sent).toEqual(['value'])
})

test('one that was deleted here meanwhile is not held again', async () => {
  const stage = new Stage({ store: telling })
  await using _ = stage
  const { cache, connection } = stage.node({ l1: L1 })
  const { cache: other } = stage.node({ l1: false })
  await other.set('k', 'old')
  await cache.get('k')
  await stage.advance(LATER_MS)
  connection.hold()
  const read = watched(cache.get('k'))
  await stage.settle()
  const deleted = watched(cache.delete('k'))
  connection.release()
  await stage.settle()
  expect(deleted()).toEqual({ value: { l2: 'applied' } })
  expect(read()).toEqual({ value: 'old' })
  expect(await cache.get('k')).toBeUndefined()
})
