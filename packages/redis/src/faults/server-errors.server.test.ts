/** F29: answers of a server that is there, and serves nothing. */
import { pause, type RedisServer, startRedis, until } from '@holdfast/testkit'
import type { Cache } from 'holdfast'
import { systemClock } from 'holdfast/contracts'
import { afterEach, describe, expect, test } from 'vitest'
import { Database } from '../testing/database.ts'
import { cacheOver, inUseAgain, openCache } from '../testing/open-cache.ts'
import { answerBoundMs, overrunMs, SLACK_MS } from '../testing/overrun.ts'
import { RefusingProxy } from '../testing/refusing-proxy.ts'
import { Troubles } from '../testing/troubles.ts'

// Backoff or replay of the queue: at most 2 s, and what follows it.
const RECOVERY_MS = 3000

let server: RedisServer
afterEach(() => server.stop())
const start = async (args: readonly string[] = []): Promise<RedisServer> => {
  server = await startRedis({ args: ['--enable-debug-command', 'yes', ...args] })
  return server
}

/** Every kind of call, while L2 serves nothing: it answers in time what it would without L2, and says so. */
async function worksWithout(cache: Cache): Promise<void> {
  const late: number[] = []
  const timed = async <T>(call: () => Promise<T>): Promise<T> => {
    let answer: { readonly value: T } | undefined
    late.push(
      await overrunMs(answerBoundMs(0), async () => {
        answer = { value: await call() }
      }),
    )
    if (answer === undefined) throw new Error('a call without an answer')
    return answer.value
  }
  expect(await timed(() => cache.getOrSet('k', () => 'loaded'))).toBe('loaded')
  expect(await timed(() => cache.get('cold'))).toBeUndefined()
  for (let i = 0; i < 12; i++) {
    expect(await timed(() => cache.getOrSet(`k${i}`, () => i, { tags: ['t'] }))).toBe(i)
  }
  expect(await timed(() => cache.delete('k'))).toEqual({ l2: 'queued' })
  expect(await timed(() => cache.invalidateTag('t'))).toEqual({ l2: 'queued' })
  expect(await timed(() => cache.set('k', 'set'))).toEqual({ l2: 'queued', stored: false })
  const required = timed(() => cache.delete('k', { require: 'applied' }))
  await expect(required).rejects.toMatchObject({ code: 'not_applied' })
  expect(Math.max(...late)).toBeLessThan(SLACK_MS)
  const { online, queuedInvalidations } = cache.stats().l2
  expect({ online, isOwing: queuedInvalidations > 0 }).toEqual({ online: false, isOwing: true })
}

/** L2 is used again: what was owed is applied, and a value that is stored is found by another process. */
async function worksAgain(cache: Cache, url: string): Promise<void> {
  const startMs = systemClock.now()
  await inUseAgain(cache)
  expect(systemClock.now() - startMs).toBeLessThan(RECOVERY_MS)
  expect(cache.stats().l2).toMatchObject({ online: true, breaker: 'closed', queuedInvalidations: 0 })
  expect(await cache.getOrSet('again', () => 'v')).toBe('v')
  await using other = await openCache(url)
  expect(await other.get('again')).toBe('v')
  expect(await other.getMany(['k', 'k0'])).toEqual([undefined, undefined])
}

describe('an answer that says that the server is as good as away is taken as that', () => {
  test.each([
    'LOADING Redis is loading the dataset in memory',
    'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    'CLUSTERDOWN The cluster is down',
    'TRYAGAIN Multiple keys request during rehashing of slot',
    'NOAUTH Authentication required.',
  ])('%s', async (answer) => {
    const { port, url } = await start()
    await using proxy = await RefusingProxy.start(port)
    await using cache = await openCache(proxy.url)
    await cache.set('k', 'old', { tags: ['t'] })
    using troubles = new Troubles()
    proxy.refuse(answer)
    await worksWithout(cache)
    expect(proxy.refused).toBeGreaterThan(0)
    expect(troubles.codes()).toEqual(['l2_unavailable'])
    proxy.heal()
    await worksAgain(cache, url)
  })

  test('it opens the breaker: after ten calls or fewer nobody asks any more', async () => {
    await using proxy = await RefusingProxy.start((await start()).port)
    await using cache = await openCache(proxy.url)
    proxy.refuse('TRYAGAIN Multiple keys request during rehashing of slot')
    for (let i = 0; i < 10 && cache.stats().l2.breaker === 'closed'; i++)
      await cache.getOrSet(`k${i}`, () => i)
    expect(cache.stats().l2.breaker).toBe('open')
  })

  test('an answer to a bad command does not: it is an answer', async () => {
    await using proxy = await RefusingProxy.start((await start()).port)
    await using cache = await openCache(proxy.url)
    proxy.refuse('ERR no such thing')
    using troubles = new Troubles()
    for (let i = 0; i < 20; i++) expect(await cache.getOrSet(`k${i}`, () => i)).toBe(i)
    expect(cache.stats().l2).toMatchObject({ online: true, breaker: 'closed' })
    expect(troubles.codes()).toEqual(['l2_error'])
  })
})

describe('a real server', () => {
  test('that runs a script for ever is away until the script is killed', async () => {
    const { url } = await start(['--busy-reply-threshold', '20'])
    await using cache = await openCache(url)
    await cache.set('k', 'old', { tags: ['t'] })
    const stranger = new Database(url)
    await stranger.connected()
    const endless = stranger.command('EVAL', 'while true do end', 0).catch((error: unknown) => error)
    await until('the server is busy', async () => {
      return (
        (await server.cli('GET', 'x').catch((error: unknown) => String(error)))
          ?.toString()
          .includes('BUSY') === true
      )
    })
    using troubles = new Troubles()
    await worksWithout(cache)
    for (const code of troubles.codes()) expect(['l2_unavailable', 'l2_timeout']).toContain(code)
    await server.cli('SCRIPT', 'KILL')
    await endless
    await worksAgain(cache, url)
    await stranger.close()
  })

  test('that loads its data is away until it has; then its values are used, since they are the same', async () => {
    // 1,000 keys of 1 ms each; it answers in between.
    const slowly = ['--key-load-delay', '1000', '--loading-process-events-interval-bytes', '1024']
    const { url } = await start(slowly)
    await using cache = await openCache(url)
    await cache.set('warm', 'old')
    await server.cli('EVAL', "for i=1,1000 do redis.call('SET', i, string.rep('x', 100)) end", 0)
    const stranger = new Database(url)
    await stranger.connected()
    const reload = stranger.command('DEBUG', 'RELOAD')
    await until('the server loads', async () => {
      return (await server.info('persistence')).loading === '1'
    })
    await worksWithout(cache)
    expect(await reload).toBe('OK')
    await worksAgain(cache, url)
    expect(await cache.get('warm')).toBe('old')
    await stranger.close()
  })

  test('that sleeps costs calls their budget, and is used again when it wakes', async () => {
    const { url } = await start()
    await using cache = await openCache(url)
    await cache.set('k', 'old', { tags: ['t'] })
    // Five calls in a row pay l2Timeout before the breaker opens.
    const asleep = server.cli('DEBUG', 'SLEEP', 2)
    await pause(20)
    await worksWithout(cache)
    await asleep
    await worksAgain(cache, url)
  })
})

describe('rights', () => {
  interface Logged {
    readonly cache: Cache
    readonly lines: string[]
  }
  async function openLogged(url: string): Promise<Logged> {
    const lines: string[] = []
    const logger = { info: () => undefined, warn: (line: string) => void lines.push(line) }
    const cache = cacheOver(url, { logger })
    await inUseAgain(cache)
    await cache.set('k', 'old', { tags: ['t'] })
    return { cache, lines }
  }

  test('a password that is changed is told once, tried again slowly, and works again when it is mended', async () => {
    server = await startRedis({ password: 'first' })
    const { cache, lines } = await openLogged(server.url)
    await using _ = cache
    await server.cli('CONFIG', 'SET', 'requirepass', 'second')
    await server.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await until('it is refused', () => lines.some((line) => line.includes('WRONGPASS')))
    await worksWithout(cache)
    const before = Number((await server.info('stats')).total_connections_received)
    await pause(1500)
    // One in 1 to 2 s.
    expect(Number((await server.info('stats')).total_connections_received) - before).toBeLessThanOrEqual(2)
    expect(lines.filter((line) => line.includes('WRONGPASS'))).toEqual([
      `cache "faults": L2 ${server.url.replace(':first@', '')}/0: ` +
        'the server does not accept this user and password (WRONGPASS); going on without it',
    ])
    await server.cli('CONFIG', 'SET', 'requirepass', 'first')
    await worksAgain(cache, server.url)
  })

  test('a user who loses all rights is told so once, and the server is away until he has them back', async () => {
    await start()
    await server.cli('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '&*', '+@all')
    const url = `redis://app:pw@127.0.0.1:${server.port}`
    const { cache, lines } = await openLogged(url)
    await using _ = cache
    await server.cli('ACL', 'SETUSER', 'app', '-@all')
    await until('the connection is given up', () => !cache.stats().l2.online)
    await worksWithout(cache)
    await pause(1500)
    const denied = lines.filter((line) => line.includes('NOPERM'))
    expect(new Set(denied).size).toBe(denied.length)
    await server.cli('ACL', 'SETUSER', 'app', '+@all')
    await worksAgain(cache, url)
  })

  test('a user who may not do one thing is told which, and the rest goes on', async () => {
    await start()
    await server.cli('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '&*', '+@all', '-evalsha', '-eval')
    await server.cli('ACL', 'SETUSER', 'all', 'on', '>pw', '~*', '&*', '+@all')
    await using writer = await openCache(`redis://all:pw@127.0.0.1:${server.port}`)
    await writer.set('k', 'v')
    const lines: string[] = []
    const logger = { info: () => undefined, warn: (line: string) => void lines.push(line) }
    await using cache = cacheOver(`redis://app:pw@127.0.0.1:${server.port}`, { logger })
    await inUseAgain(cache)
    expect(await cache.get('k')).toBe('v')
    for (let i = 0; i < 20; i++) expect(await cache.getOrSet(`k${i}`, () => i)).toBe(i)
    expect(cache.stats()).toMatchObject({ loads: 20, l2: { online: true, breaker: 'closed' } })
    expect(await cache.delete('k')).toEqual({ l2: 'applied' })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/NOPERM .*evalsha/i)
  })
})
