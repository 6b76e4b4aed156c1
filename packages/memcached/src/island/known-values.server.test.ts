import { type MemcachedServer, startFaultProxy, startMemcached, until } from '@holdfast/testkit'
import { AwaitedRead, encodeEntry, systemClock } from 'holdfast/contracts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFakeMemcached } from '../client/testing/fake-memcached.ts'
import { greetAs1645 } from '../client/testing/greet-as-1645.ts'
import { type IslandClient, openCache, openIsland } from '../testing/open-island.ts'
import { TripLog } from '../testing/trip-log.ts'

async function readKnown(client: IslandClient, known: string | undefined) {
  const read = new AwaitedRead('k', { known })
  client.names.read(read, client.by)
  const { found } = await read.reply
  return { isUnchanged: read.isUnchanged, seen: found?.seen }
}

describe('a real server', () => {
  let server: MemcachedServer
  beforeAll(async () => {
    server = await startMemcached()
  })
  afterAll(() => server.stop())

  test('does not send a value again that is known, where it knows how to say so (1.6.40 or newer)', async () => {
    await using client = await openIsland(server)
    const canTell = client.store.client.facts?.hasConditionalGet === true
    await client.put('k', 'v')
    const { seen } = await readKnown(client, undefined)
    expect(await readKnown(client, seen)).toEqual({ isUnchanged: canTell, seen: canTell ? undefined : seen })
    await client.put('k', 'new')
    expect((await readKnown(client, seen)).isUnchanged).toBe(false)
  })

  test('is asked so by a cache whose L1 asks again', async () => {
    const log = new TripLog()
    const l1 = { mode: 'none', maxStale: '60ms' } as const
    await using cache = await openCache(server, { l1 }, { connect: log.connect })
    await cache.set('cached', { large: true })
    const reads = async () => {
      const trips = await log.during(async () => {
        await until('L1 asks again', async () => {
          await cache.get('cached')
          return cache.stats().hits.l2 > before
        })
      })
      return trips.flat().filter((command) => command.startsWith('mg v'))
    }
    let before = cache.stats().hits.l2
    // What was set here is known by its id alone; what was read, by its cas.
    await reads()
    before = cache.stats().hits.l2
    const held = await cache.get('cached')
    const asked = await reads()
    expect(await cache.get('cached')).toBe(held)
    expect(asked).toContain((await canTell(server)) ? 'mg v C' : 'mg v')
  })

  test.for<[what: string, choosesCas: boolean]>([
    ['is not told of what was counted on another connection: restarted, it counts anew', false],
    ['is told of what was chosen on another connection (1.6.40 or newer)', true],
  ])('%s', async ([, choosesCas], { skip }) => {
    await using proxy = await startFaultProxy(server)
    const log = new TripLog()
    const rules = { choosesCas: () => choosesCas }
    await using client = await openIsland(proxy, { connect: log.connect, rules })
    if (choosesCas && client.store.client.facts?.hasConditionalGet !== true) skip('it is older')
    await client.put('k', 'v')
    const { seen } = await readKnown(client, undefined)
    proxy.cut()
    await until('it is connected anew', () => client.store.client.generation > 1 && client.store.online)
    await client.connected()
    const trips = await log.during(() => readKnown(client, seen))
    expect(trips).toEqual([['mg n', choosesCas ? 'mg v C' : 'mg v']])
  })
})

async function canTell(server: MemcachedServer): Promise<boolean> {
  await using client = await openIsland(server, {}, 'another')
  return client.store.client.facts?.hasConditionalGet === true
}

test('a server that says that nothing has changed is believed, with the tokens of now', async () => {
  const entry = encodeEntry(
    {
      id: 'identity',
      payload: Buffer.from('v'),
      codec: 1,
      flags: 0,
      ttlMs: 1e6,
      keepMs: 1e6,
      loadMs: 1,
      namespaceToken: 'tokentok',
      tags: [],
    },
    'k',
    systemClock.wallNow(),
  ).toString('latin1')
  const asked: string[] = []
  const port = await startFakeMemcached((line, opaque) => {
    const [, kind] = /^m[gsd] ([a-z]):/.exec(line) ?? []
    if (line.startsWith('mg n:')) return `VA 8 c5 t-1 O${opaque}\r\ntokentok`
    if (kind !== 'v')
      return kind === undefined ? undefined : `${line.startsWith('mg') ? 'EN' : 'HD'} O${opaque}`
    asked.push(line)
    if (line.includes(' C9 ')) return `HD c9 f0 O${opaque}`
    return `VA ${entry.length} c9 f0 O${opaque}\r\n${entry}`
  }, greetAs1645)
  await using client = await openIsland({ port })
  const { seen } = await readKnown(client, undefined)
  expect(seen?.slice(0, 8)).toBe('identity')
  const read = new AwaitedRead('k', { known: seen, intent: 'load' })
  client.names.read(read, client.by)
  const { tokens } = await read.reply
  expect(read.isUnchanged).toBe(true)
  expect(tokens.namespace).toBe('tokentok')
  expect(asked.map((line) => line.replace(/ O\d+/, '').replace(/ E\d{19,20}/, ' E#'))).toEqual([
    'mg v:4:shopk v c f',
    'mg v:4:shopk v c f N2 E# C9',
  ])
})
