/** What a server gives whose clients may choose the cas of an item (E, 1.6.27 or newer); older ones: by golden replies. */
import { type MemcachedServer, startFaultProxy, startMemcached, until } from '@holdfast/testkit'
import { systemClock } from 'holdfast/contracts'
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { startFakeMemcached } from '../client/testing/fake-memcached.ts'
import { greetAs1645 } from '../client/testing/greet-as-1645.ts'
import { type IslandClient, openCache, openIsland } from '../testing/open-island.ts'
import { TripLog } from '../testing/trip-log.ts'
import { islandRules } from './island-rules.ts'

// Well below what a lease lasts at least, and well above a reconnect and 100 ms on a busy machine.
const WAIT_MS_MAX = 800
const load = () => new Promise<number>((resolve) => setTimeout(() => resolve(1), 20))

describe('a real server', () => {
  let server: MemcachedServer
  beforeAll(async () => {
    server = await startMemcached()
  })
  afterAll(() => server.stop())

  function skipIfItCounts(client: IslandClient, { skip }: TestContext): void {
    if (client.store.client.facts?.hasExplicitCas !== true) skip('it is older')
  }

  test('mints what is missing where it is read: a load of a new tag is two trips', async (context) => {
    await using probe = await openIsland(server, {}, 'probe')
    skipIfItCounts(probe, context)
    const log = new TripLog()
    await using cache = await openCache(server, {}, { connect: log.connect })
    const loading = await log.during(() => cache.getOrSet('k', load, { tags: ['new', 'newer'] }))
    expect(loading).toEqual([
      ['mg n N0', 'mg e N0', 'mg t N11', 'mg t N11', 'mg v N2'],
      // Behind the caller, while it loads: how long the entry needs them.
      ['mg t T', 'mg t T', 'mg q', 'mg x', 'mg x'],
      ['ms v C T', 'mg n', 'mg t', 'mg t', 'mg e', 'mg x', 'mg x'],
    ])
    expect(await cache.get('k')).toBe(1)
    await cache.invalidateTag('newer')
    expect(await cache.get('k')).toBeUndefined()
    const setting = await log.during(() => cache.set('s', 1, { tags: ['of a set'] }))
    expect(setting.length).toBe(2)
    await cache.expireTag('of a set')
    expect(await cache.getOrSet('s', () => 2, { tags: ['of a set'] })).toBe(2)
  })

  test('keeps the load of before a restart from a lease of now, even without rule C', async (context) => {
    await using own = await startMemcached()
    await using loading = await openIsland(own, { rules: { ...islandRules, mayFill: () => true } })
    skipIfItCounts(loading, context)
    const loaded = await loading.win('k')
    await own.restart()
    await until('the server is used again', () => loading.store.online)
    await loading.connected()
    await using other = await openIsland(own)
    await other.win('k')
    expect(await loading.fill(loaded, 'of before')).toBe(false)
    expect(await other.readText('k')).toBeUndefined()
  })

  test.for<[what: string, begin: (loader: IslandClient) => Promise<() => Promise<unknown>>]>([
    [
      'a load was under way by',
      async (loader) => {
        const won = await loader.win('k')
        return () => loader.fill(won, 'of before')
      },
    ],
    [
      'a read had just won',
      async (loader) => {
        await loader.read('k', 'load')
        return () => loader.connected()
      },
    ],
  ])('gets a lease back over the next connection that %s', async ([, begin], context) => {
    await using proxy = await startFaultProxy(server)
    await using loader = await openIsland(proxy, {}, 'cut off')
    skipIfItCounts(loader, context)
    await using other = await openIsland(server, {}, 'cut off')
    await other.names.invalidate(['k'], other.by)
    const end = await begin(loader)
    expect((await other.acquire('k')).state).toBe('busy')
    const cutAt = systemClock.now()
    proxy.cut()
    await until('it is connected anew', () => loader.store.client.generation > 1 && loader.store.online)
    await loader.connected()
    await end()
    await until('another one has won', async () => (await other.acquire('k')).state === 'won')
    expect(systemClock.now() - cutAt).toBeLessThan(WAIT_MS_MAX)
  })
})

test('what is sent to a server that knows E, and what its golden replies are taken for', async () => {
  const asked: string[] = []
  const chosen = new Map<string, string>()
  const port = await startFakeMemcached((line, opaque) => {
    const [, verb = '', key = '', kind = ''] = /^(m[gsd]) (([a-z]):\S*)/.exec(line) ?? []
    if (kind === '') return undefined
    asked.push(line.replace(/ O\d+/, '').replace(/\d{19,20}/g, '#'))
    const own = / E(\d+)/.exec(line)?.[1] ?? ''
    if (verb !== 'mg') return `HD${own === '' ? '' : ` c${own}`} O${opaque}`
    if ('qx'.includes(kind)) return `EN O${opaque}`
    const isFirst = !chosen.has(key)
    const cas = chosen.get(key) ?? own
    if (cas === '') return `EN O${opaque}`
    chosen.set(key, cas)
    // As 1.6.45 does: the one who has made it is told a life of -1.
    const life = kind === 'v' ? 'f0' : isFirst ? 't-1' : 't60'
    return `VA 0 c${cas} ${life} O${opaque} ${isFirst ? 'W' : 'Z'}\r\n`
  }, greetAs1645)
  await using client = await openIsland({ port })
  asked.length = 0
  const { token, tokens } = await client.win('k', undefined, ['t'])
  expect(asked).toEqual([
    'mg v:4:shopk v c f N2 E#',
    'mg n:4:shop v c t N0 E#',
    'mg t:4:shopt v c t N61 E#',
    'mg e:4:shop v c t N0 E#',
    'mg q:4:shopk v',
    'mg x:4:shopt v',
  ])
  const tokenOf = (key: string): string => Buffer.from(tokens.tags.get(key) ?? '', 'latin1').toString('hex')
  expect(tokenOf('t')).toBe(BigInt(chosen.get('t:4:shopt') ?? 0).toString(16))
  asked.length = 0
  expect(await client.names.renew('k', token, 1000, client.by)).toBe(true)
  expect(await client.fill({ key: 'k', token, tokens }, 'v')).toBe(true)
  expect(asked.filter((line) => /^m\w v/.test(line)).map((line) => line.replace(/ \d+ /, ' '))).toEqual([
    'ms v:4:shopk C# T2 F1 c E#',
    'ms v:4:shopk C# T61 c E#',
  ])
})
