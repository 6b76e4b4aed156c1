/** What a server gives whose clients may choose the cas of an item (E, 1.6.27 or newer); older ones: by golden replies. */
import {
  type FaultProxy,
  type MemcachedServer,
  startFaultProxy,
  startMemcached,
  until,
} from '@holdfast/testkit'
import type { Cache } from 'holdfast'
import { systemClock } from 'holdfast/contracts'
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { mg } from '../client/meta-command.ts'
import { startFakeMemcached } from '../client/testing/fake-memcached.ts'
import { greetAs1645 } from '../client/testing/greet-as-1645.ts'
import { type IslandClient, openCache, openIsland } from '../testing/open-island.ts'
import { TripLog } from '../testing/trip-log.ts'
import { explicitCasToken } from './explicit-cas.ts'
import { islandRules } from './island-rules.ts'
import { Names } from './names.ts'

// Well below what a lease lasts at least, and well above a reconnect and 100 ms on a busy machine.
const WAIT_MS_MAX = 800
const load = () => new Promise<number>((resolve) => setTimeout(() => resolve(1), 20))

describe('a real server', () => {
  let server: MemcachedServer
  let other: IslandClient | undefined
  beforeAll(async () => {
    server = await startMemcached()
    other = await openIsland(server, {}, 'cut-off')
  })
  afterAll(async () => {
    await other?.store.close()
    await server.stop()
  })
  function stranger(): IslandClient {
    if (other === undefined) throw new Error('not open')
    return other
  }

  function skipIfItCounts(client: IslandClient, { skip }: TestContext): void {
    if (client.store.client.facts?.hasExplicitCas !== true) skip('it is older')
  }

  test('mints what is missing where it is read: a load of a new tag is two trips', async (context) => {
    await using probe = await openIsland(server, {}, 'probe')
    skipIfItCounts(probe, context)
    const log = new TripLog()
    await using cache = await openCache(server, {}, { connect: log.connect })
    const loading = await log.during(() => cache.getOrSet('k', load, { tags: ['new', 'newer'], ttl: '1m' }))
    expect(loading).toEqual([
      // A tag lives four times as long as its entry, and a second longer.
      ['mg n N0', 'mg e N0', 'mg t N241', 'mg t N241', 'mg v N2'],
      ['mg q', 'mg x', 'mg x'],
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

  test.for<[what: string, ask: (cache: Cache) => Promise<unknown>]>([
    ['a load of the same turn', (cache) => cache.getOrSet('short', load, { tags: ['t'], ttl: '15s' })],
    [
      'a hit that names it, whose entry does not bear it',
      async (cache) => {
        await cache.set('short', 1, { ttl: '15s' })
        await cache.getOrSet('short', load, { tags: ['t'], ttl: '15s' })
      },
    ],
  ])('mints for the life that is needed, whatever minted it first: %s', async ([name, ask], context) => {
    await using probe = await openIsland(server, {}, name)
    skipIfItCounts(probe, context)
    await using one = await openCache(server, { name })
    await using other = await openCache(server, { name })
    const long = { ttl: '1h' } as const
    const asks = [ask(one), one.getOrSet('long', load, { tags: ['t'], ...long })]
    await Promise.all(asks)
    await other.getOrSet('derived', load, { tags: () => ['t'], ...long })
    await Promise.all([one.barrier(), other.barrier()])
    const { client } = probe.store
    const { ttlSec } = await client.send(mg(new Names(name).of('t', 't'), 't'), { by: probe.by })
    expect(ttlSec).toBeGreaterThan(3600)
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

  /** A process behind a proxy, whose key nobody else holds, and what it does until it is cut off, and then. */
  interface CutOff {
    readonly loader: IslandClient
    readonly proxy: FaultProxy
    readonly cut: () => void
  }

  test.for<[what: string, play: (stage: CutOff) => Promise<unknown>]>([
    [
      'a load was under way by, and is filled later',
      async ({ loader, cut }) => {
        const won = await loader.win('k')
        cut()
        await until('it is connected anew', () => loader.store.client.generation > 1 && loader.store.online)
        expect(await loader.fill(won, 'of before')).toBe(false)
      },
    ],
    [
      'a load had, which ended while there was no connection',
      async ({ loader, cut, proxy }) => {
        const won = await loader.win('k')
        proxy.inject({ refuse: true })
        cut()
        await until('it is away', () => !loader.store.online)
        await expect(loader.fill(won, 'v')).rejects.toMatchObject({ code: 'l2_unavailable' })
        await expect(loader.names.release('k', won.token, loader.by)).rejects.toMatchObject({ tier: 'l2' })
      },
    ],
    [
      'a read had just won',
      async ({ loader, cut }) => {
        await loader.read('k', 'load')
        cut()
      },
    ],
    [
      'a read has won whose answer was lost',
      (stage) => loseAnswer(stage, () => stage.loader.read('k', 'load')),
    ],
    [
      'an acquire of a value has won whose answer was lost',
      async (stage) => {
        await stage.loader.put('k', 'old')
        const seen = (await stage.loader.read('k'))?.seen
        await loseAnswer(stage, () => stage.loader.acquire('k', seen))
      },
    ],
    [
      'a put had made for itself',
      async ({ loader, cut, proxy }) => {
        proxy.inject({ delayMs: 30 })
        const putting = loader.put('k', 'v')
        putting.catch(() => undefined)
        await until('its stub is there', async () => (await casNow()) !== undefined)
        proxy.inject({ refuse: true })
        cut()
        await expect(putting).rejects.toMatchObject({ tier: 'l2' })
      },
    ],
  ])('gets a lease back over the next connection that %s', async ([, play], context) => {
    skipIfItCounts(stranger(), context)
    await using proxy = await startFaultProxy(server)
    await using loader = await openIsland(proxy, {}, 'cut-off')
    await stranger().names.invalidate(['k'], stranger().by)
    let cutAt = 0
    const cut = (): void => {
      cutAt = systemClock.now()
      proxy.cut()
    }
    await play({ loader, proxy, cut })
    proxy.heal()
    await until('it is connected anew', () => loader.store.client.generation > 1 && loader.store.online)
    await loader.connected()
    const seen = (await stranger().read('k'))?.seen
    await until('another one has won', async () => (await stranger().acquire('k', seen)).state === 'won')
    expect(systemClock.now() - cutAt).toBeLessThan(WAIT_MS_MAX)
  })

  /** The cas of the key's item, which is not touched. */
  async function casNow(): Promise<string | undefined> {
    const { store, by } = stranger()
    return (await store.client.itemFacts(new Names('cut-off').of('v', 'k'), by))?.get('cas')
  }

  /** Asks, with nothing of the answer, and cuts it off when the server has changed its key by that. */
  async function loseAnswer({ proxy, cut }: CutOff, ask: () => Promise<unknown>): Promise<void> {
    const before = await casNow()
    proxy.inject({ holdReplies: true })
    const asking = ask()
    asking.catch(() => undefined)
    await until('it is executed', async () => (await casNow()) !== before)
    cut()
    await expect(asking).rejects.toMatchObject({ code: 'l2_unavailable' })
  }
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
  expect(tokens.tags.get('t')).toBe(explicitCasToken(chosen.get('t:4:shopt') ?? ''))
  asked.length = 0
  expect(await client.names.renew('k', token, 1000, client.by)).toBe(true)
  expect(await client.fill({ key: 'k', token, tokens }, 'v')).toBe(true)
  expect(asked.filter((line) => /^m\w v/.test(line)).map((line) => line.replace(/ \d+ /, ' '))).toEqual([
    'ms v:4:shopk C# T2 F1 c E#',
    'ms v:4:shopk C# T61 c E#',
  ])
})
