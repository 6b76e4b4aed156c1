/** What the log and inspect() tell of the servers of a pool. */
import { freePort, type MemcachedServer, startFaultProxy, startMemcached, until } from '@holdfast/testkit'
import { type Cache, type CacheOptions, createCache } from 'holdfast'
import { describe, expect, test } from 'vitest'
import type { MemcachedOptions } from '../memcached-options.ts'
import { memcachedWith } from '../memcached-with.ts'
import type { PoolRules } from './pool-rules.ts'

interface Told {
  readonly cache: Cache
  readonly infos: string[]
  readonly warnings: string[]
  /** How each server stands, with its role where it has one. */
  states(): Promise<string | undefined>
}

interface OpenOptions {
  readonly memcached?: MemcachedOptions
  readonly rules?: Partial<PoolRules>
  readonly cache?: Partial<CacheOptions>
  /** Hears each line of information when it is told. */
  readonly told?: (line: string) => unknown
}

function open(urls: readonly string[], options: OpenOptions = {}): Told {
  const { memcached = {}, rules: pool = {} } = options
  const [infos, warnings]: [string[], string[]] = [[], []]
  const logger = {
    info: (line: string) => {
      infos.push(line)
      options.told?.(line)
    },
    warn: (line: string) => void warnings.push(line),
  }
  const l2 = memcachedWith(urls, memcached, { pool })
  const cache = createCache({ name: 'shop', l1: false, l2, logger, ...options.cache })
  const states = async () => {
    const facts = await cache.inspect().catch(() => undefined)
    return facts?.servers?.map(({ state, role }) => (role === undefined ? state : `${role} ${state}`)).join()
  }
  return { cache, infos, warnings, states }
}

function urlOf({ port }: { readonly port: number }, host = '127.0.0.1'): string {
  return `memcached://${host}:${port}`
}

/** In the order in which a pool has them. */
async function start(count: number): Promise<readonly MemcachedServer[] & AsyncDisposable> {
  const started = await Promise.all(Array.from({ length: count }, () => startMemcached()))
  const servers = started.toSorted((a, b) => (`${a.port}` < `${b.port}` ? -1 : 1))
  const dispose = async () => void (await Promise.all(servers.map((server) => server.stop())))
  return Object.assign(servers, { [Symbol.asyncDispose]: dispose })
}

function matching(lines: readonly string[], text: string): readonly string[] {
  return lines.filter((line) => line.includes(text))
}

describe('a server that was said to be away is said to answer again', () => {
  test.each([1, 3])('once it is used, each time, and no other is (of %d)', async (count) => {
    await using servers = await start(count)
    const { cache, infos, warnings } = open(servers.map((server) => urlOf(server)))
    await using _ = cache
    await until('all are used', () => cache.stats().l2.servers.used === count)
    // On a busy machine one may have taken long enough to be told of.
    const before = matching(infos, 'answers again').length
    const returns = () => matching(infos, 'answers again').slice(before)
    const line = `cache "shop": L2 ${urlOf(servers[0] ?? { port: 0 })}: answers again`
    for (const told of [[line], [line, line]]) {
      await servers[0]?.kill()
      await until('its loss is told', () => matching(warnings, 'is lost').length === told.length)
      // So many that a breaker opens, which a new connection closes.
      for (let i = 0; i < 40; i++) await cache.delete(`k${i}`)
      await servers[0]?.restart()
      await until('it is used', () => cache.stats().l2.servers.used === count)
      await until('L2 has heard it all', () => cache.stats().l2.queuedInvalidations === 0)
      expect(returns()).toEqual(told)
    }
  })

  test('not before it has been told what it is owed', async () => {
    await using servers = await start(2)
    const owedThen: number[] = []
    const { cache, warnings } = open(
      servers.map((server) => urlOf(server)),
      {
        told: (line) => line.includes('answers again') && owedThen.push(cache.stats().l2.queuedInvalidations),
      },
    )
    await using _ = cache
    await until('L2 is used', () => cache.stats().l2.online)
    await servers[0]?.kill()
    await until('its loss is told', () => matching(warnings, 'is lost').length === 1)
    expect(await cache.invalidateTag('t')).toEqual({ l2: 'queued' })
    expect(cache.stats().l2.queuedInvalidations).toBe(1)
    await servers[0]?.restart()
    await until('its return is told', () => owedThen.length > 0)
    expect(owedThen).toEqual([0])
  })

  test('and so is one that was not there at first', async () => {
    await using servers = await start(1)
    await using way = await startFaultProxy(servers[0] ?? { port: 0 })
    way.inject({ refuse: true })
    const { cache, infos, warnings } = open([urlOf(way)])
    await using _ = cache
    await until('its absence is told', () => matching(warnings, 'not reached yet').length === 1)
    way.heal()
    await until('its return is told', () => matching(infos, 'answers again').length === 1)
  })

  test('a silent one, once: whether or not its connection is lost for it', async () => {
    await using servers = await start(2)
    const { cache, infos, warnings } = open(
      servers.map((server) => urlOf(server)),
      { cache: { l2Timeout: '50ms' } },
    )
    await using _ = cache
    await until('L2 is used', () => cache.stats().l2.online)
    servers[0]?.pause()
    await until('it is said to be silent', async () => {
      await Promise.all(Array.from({ length: 10 }, (_, i) => cache.get(`k${i}`)))
      return matching(warnings, 'found it away or too late').length > 0
    })
    servers[0]?.resume()
    await until('its return is told', () => matching(infos, 'answers again').length > 0)
    await until('it is used', () => cache.stats().l2.queuedInvalidations === 0)
    expect(matching(infos, 'answers again')).toHaveLength(1)
  })

  test('a first connection is none', async () => {
    await using servers = await start(2)
    const { cache, infos, warnings, states } = open(servers.map((server) => urlOf(server)))
    await using _ = cache
    await until('all are used', async () => (await states()) === 'used,used')
    // On a busy machine one may have taken long enough to be told of.
    expect(matching(infos, 'answers again')).toHaveLength(matching(warnings, 'not reached yet').length)
  })
})

describe('a cache that starts while a server is dead', () => {
  test('says that it waits, for whom, and for how long; until then its servers are waiting', async () => {
    await using servers = await start(3)
    const urls = servers.map((server) => urlOf(server))
    await servers[2]?.kill()
    const { cache, infos, states } = open(urls)
    await using _ = cache
    await until('it is told', () => matching(infos, 'waiting').length > 0)
    expect(await states()).toBe('waiting,waiting,away')
    const text = 'waiting for up to 2.75 s until nobody can be using another list of servers for "shop"'
    expect(matching(infos, 'waiting')[0]).toContain(`: ${text} (not reached: ${urls[2]})`)
    await until('L2 is used', () => cache.stats().l2.online)
    expect(await states()).toBe('used,used,away')
    expect(matching(infos, 'waiting')).toHaveLength(1)

    const beside = open(urls)
    await using _beside = beside.cache
    await until('L2 is used', () => beside.cache.stats().l2.online)
    expect(matching(beside.infos, 'waiting')).toEqual([])
  })
})

describe('of two lists of the same servers', () => {
  // How soon the first finds out.
  const rules = { looksEveryMs: 100 }
  const cache = { l2Timeout: '100ms' } as const

  test.each([1, 2])(
    'the one that is not in use says how it differs, and stands as displaced (of %d)',
    async (count) => {
      await using servers = await start(count)
      const first = open(
        servers.map((server) => urlOf(server)),
        { rules, cache },
      )
      await using _ = first.cache
      await until('the first is used', () => first.cache.stats().l2.online)
      // It does not know all of the other list by its names, and waits.
      const second = open(
        servers.map((server) => urlOf(server, 'localhost')),
        { cache },
      )
      await using _second = second.cache
      await until('the first is told', () => matching(first.warnings, 'another list of servers').length > 0)
      const named = (host: string) => servers.map(({ port }) => `${host}:${port}`).join(', ')
      const told = matching(first.warnings, 'another list of servers')
      expect(told[0]).toContain(
        `: another list of servers is in use for "shop" (it has ${named('localhost')}; ours has ${named('127.0.0.1')}; ` +
          'every process needs the same servers, named alike, weights, placement and gutter); going on without it',
      )
      expect(await first.states()).toBe(servers.map(() => 'displaced').join())
      expect(told).toHaveLength(1)
      expect((await first.cache.explain('k')).l2.verdict).toContain('another list of servers')
      expect((await second.cache.explain('k')).l2.verdict).toContain('another list of servers')
      expect(await second.states()).toBe(servers.map(() => 'waiting').join())
      await until('it is told', () => matching(second.infos, 'waiting for up to 2.3 s').length === 1)
    },
  )

  test('and that something else differs where the servers do not', async () => {
    await using servers = await start(2)
    const urls = servers.map((server) => urlOf(server))
    const first = open(urls, { rules, cache })
    await using _ = first.cache
    await until('the first is used', () => first.cache.stats().l2.online)
    const second = open(urls, { rules, cache, memcached: { placement: 'rendezvous' } })
    await using _second = second.cache
    await until('the first is told', () => matching(first.warnings, 'another list of servers').length > 0)
    expect(matching(first.warnings, 'another list of servers')[0]).toContain(
      '(of the same servers: weights, placement or gutter differ; every process',
    )
  })
})

describe('inspect()', () => {
  test.each([1, 2])('rejects with the reason where no server is connected (of %d)', async (count) => {
    const ports = await Promise.all(Array.from({ length: count }, () => freePort()))
    const { cache, warnings } = open(ports.map((port) => urlOf({ port })))
    await using _ = cache
    await until('a server is tried', () => matching(warnings, 'ECONNREFUSED').length === count)
    const error: unknown = await cache.inspect().catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'l2_unavailable',
      message: expect.stringMatching(/connected \(.*ECONNREFUSED/),
      cause: { message: expect.stringContaining('ECONNREFUSED') },
    })
  })

  test('says which server is of the gutter; a write that it keeps from being made says so too', async () => {
    await using servers = await start(2)
    const [server = { port: 0 }, gutter] = servers
    const { cache, states, warnings } = open([urlOf(server)], {
      memcached: { gutter: urlOf(gutter ?? { port: 0 }) },
    })
    await using _ = cache
    await until('all are used', async () => (await states()) === 'used,gutter used')
    await gutter?.kill()
    await until('its loss is told', () => matching(warnings, 'is lost').length === 1)
    expect(await states()).toBe('used,gutter away')
    const [one, other] = (await cache.inspect())?.servers ?? []
    expect(one).not.toHaveProperty('role')
    expect(other?.cause?.message).toMatch(/ECONNRESET|ECONNREFUSED|closed/)
    await expect(cache.write({ keys: ['k'] }, () => 'written')).rejects.toMatchObject({
      code: 'l2_part_away',
      message: expect.stringContaining(
        ', of the gutter, is away: what others may have in it cannot be ended now',
      ),
    })
  })
})
