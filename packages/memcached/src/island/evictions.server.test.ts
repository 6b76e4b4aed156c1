import { type MemcachedServer, startMemcached } from '@holdfast/testkit'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type IslandClient, openIsland } from '../testing/open-island.ts'
import { Names } from './names.ts'

// Of the size of what is to be evicted, so that it is evicted for them.
const JUNK = 'j'.repeat(40)
const BATCH = 2_000
const BATCHES_MAX = 60

let server: MemcachedServer
let one: IslandClient
let other: IslandClient
beforeAll(async () => {
  // What was read is kept no longer than what was not.
  server = await startMemcached({ memoryMb: 2, args: ['-n', '512', '-f', '4', '-o', 'no_modern'] })
})
beforeEach(async () => {
  one = await openIsland(server)
  other = await openIsland(server)
  return async () => {
    await one.store.close()
    await other.store.close()
  }
})
afterAll(() => server.stop())

const names = new Names('shop')

/** Stores until the server has forgotten this item. */
async function evict(key: string): Promise<void> {
  for (let batch = 0; batch < BATCHES_MAX; batch++) {
    const junk = Array.from({ length: BATCH }, (_, i) => `ms junk${batch}.${i} ${JUNK.length}\r\n${JUNK}`)
    await Promise.all(junk.map((command) => server.cli(command)))
    // Looked at without being read, which would keep it.
    if ((await server.cli(`me ${key}`)) === 'EN') return
  }
  throw new Error(`${key} was never evicted`)
}

test('a load whose lease was evicted stores nothing', async () => {
  const load = await one.win('leased')
  await evict(names.of('v', 'leased').text)
  expect(await one.fill(load, 'late')).toBe(false)
  const next = await other.win('leased')
  expect(await one.fill(load, 'later')).toBe(false)
  expect(await other.fill(next, 'new')).toBe(true)
})

test('an entry whose tag was evicted matches nothing, and never again', async () => {
  const load = await one.win('tagged', undefined, ['t'])
  expect(await one.fill(load, 'v')).toBe(true)
  await evict(names.of('t', 't').text)
  const held = await one.read('tagged')
  const again = await other.names.tokens('tagged', ['t'], 60_000, other.by)
  expect(again.tags.get('t')).not.toBe(load.tokens.tags.get('t'))
  // Memory is short: the entry may be gone as well.
  if (held?.readable) expect(held.tags[0]?.token).not.toBe(again.tags.get('t'))
})

test('a namespace whose token was evicted is empty', async () => {
  const load = await one.win('k')
  await one.fill(load, 'v')
  await evict(names.namespace.text)
  const { namespace } = await one.names.tokens('k', [], 60_000, one.by)
  expect(namespace).toBeDefined()
  expect(namespace).not.toBe(load.tokens.namespace)
})
