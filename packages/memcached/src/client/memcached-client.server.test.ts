import { connect } from 'node:net'
import { inspect } from 'node:util'
import {
  freePort,
  type MemcachedServer,
  makeCertificate,
  startFaultProxy,
  startMemcached,
} from '@holdfast/testkit'
import { CacheError, systemClock } from 'holdfast/contracts'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { BatchReceiver } from './batch-call.ts'
import type { MemcachedClient, MemcachedClientOptions, MemcachedReady } from './memcached-client.ts'
import { type MetaCommand, ma, md, mg, ms } from './meta-command.ts'
import { metaKey } from './meta-key.ts'
import type { MetaReply } from './meta-reply.ts'
import { MemcachedReplyError } from './reply-error.ts'
import { describeReply } from './testing/feed.ts'
import { openClient, openedClient, soon, untilReady } from './testing/open-client.ts'

/** Most tests share one server, emptied before each. */
let shared: MemcachedServer
beforeAll(async () => {
  shared = await startMemcached()
})
afterAll(() => shared.stop())
beforeEach(() => shared.cli('flush_all'))

async function start(options: Parameters<typeof startMemcached>[0] = {}): Promise<MemcachedServer> {
  const server = await startMemcached(options)
  onTestFinished(() => server.stop())
  return server
}

const key = metaKey('k')
const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'answered',
    (error: unknown) => (error instanceof CacheError ? error.code : error),
  )

/** What a batch was told, reply by reply. */
function batch(client: MemcachedClient, commands: readonly MetaCommand[], borrows = true): Promise<string[]> {
  const told: string[] = []
  const { promise, resolve, reject } = Promise.withResolvers<string[]>()
  const receiver: BatchReceiver = {
    borrows,
    reply: (index, { code, value }) =>
      void told.push(`${index} ${code} ${value?.toString() ?? ''}`.trimEnd()),
    done: () => resolve(told),
    fail: reject,
  }
  client.postQuiet(commands, soon(), receiver)
  return promise
}

/** The first fatal error of a client of this server. */
async function fatalError(url: string, options: Partial<MemcachedClientOptions> = {}): Promise<Error> {
  const fatal = Promise.withResolvers<Error>()
  const client = openClient(url, { ...options, events: { onFatal: fatal.resolve } })
  const error = await fatal.promise
  expect(client.ready).toBe(false)
  return error
}

describe('handshake', () => {
  test('the server is known when the client is ready', async () => {
    const ready: MemcachedReady[] = []
    const client = await openedClient(shared.url, { events: { onReady: (facts) => void ready.push(facts) } })
    const [stats, settings] = [await shared.stats(), await shared.stats('settings')]
    const [major = 0, minor = 0, patch = 0] = (stats.version ?? '').split('.').map(Number)
    const isFrom = (n: number): boolean => major > 1 || minor > 6 || (minor === 6 && patch >= n)
    expect(client.facts).toMatchObject({
      version: stats.version,
      pid: shared.pid,
      itemBytesMax: Number(settings.item_size_max),
      memoryBytesMax: Number(stats.limit_maxbytes),
      evicts: true,
      hasExplicitCas: isFrom(27),
      hasConditionalGet: isFrom(40),
    })
    expect(ready).toEqual([{ ...client.facts, generation: 1 }])
  })

  test('a server’s start is known to two seconds, and its time to as much', async () => {
    const client = await openedClient(shared.url)
    const upMs = Number((await shared.stats()).uptime) * 1000
    expect(Math.abs((client.facts?.startedAtMs ?? 0) - (Date.now() - upMs))).toBeLessThan(2500)
    expect(Math.abs(client.serverNow() - Date.now())).toBeLessThan(2000)
  })

  test('a server that refuses what it has no room for says so', async () => {
    const server = await start({ whenFull: 'refuse', memoryMb: 8 })
    const { facts } = await openedClient(server.url)
    expect(facts).toMatchObject({ evicts: false, memoryBytesMax: 8 * 1024 * 1024 })
  })

  test('what it leaves behind is gone after two seconds, and holds nothing', async () => {
    await openedClient(shared.url)
    expect(await shared.cli('mg holdfast:probe s t')).toMatch(/^(EN|HD s0 t[012] Z)$/)
  })

  test('prepare runs before the client is ready, and its failure is tried again', async () => {
    const log: string[] = []
    const client = openClient(shared.url, {
      events: { onReady: ({ generation }) => void log.push(`ready ${generation}`) },
      prepare: async ({ sendAll, by, generation, facts }) => {
        const [counted] = await sendAll([ma(metaKey('prepared'), 'N0 J1 v')], { by })
        log.push(`prepare ${generation} ${counted?.value} ${client.ready} ${facts.pid === shared.pid}`)
        if (counted?.value?.toString() === '1') throw new Error('not this time')
      },
    })
    await untilReady(client)
    expect(log).toEqual(['prepare 1 1 false true', 'prepare 2 2 false true', 'ready 2'])
  })

  test('without cas there are no leases: the server is refused', async () => {
    const server = await start({ args: ['-C'] })
    expect(await fatalError(server.url)).toMatchObject({ code: 'l2_unsupported' })
  })
})

describe('ways in', () => {
  test('a unix socket', async () => {
    const server = await start({ unixSocket: true })
    const client = await openedClient(server.url)
    expect((await client.send(ms(key, 'x', 'T0'), soon())).code).toBe('HD')
  })

  test('TLS, verified; and a certificate that nobody vouches for is refused', async () => {
    using certificate = makeCertificate('DNS:localhost', 'IP:127.0.0.1')
    const server = await start({ tls: certificate.files })
    const [trusted, distrustful] = [certificate.pem, undefined].map((ca) => {
      const endpoint = {
        transport: 'tls',
        host: '127.0.0.1',
        port: server.port,
        tls: ca ? { ca } : {},
      } as const
      return openClient(server.url, {
        address: { endpoint, credentials: undefined, weight: 1, display: server.url },
      })
    })
    if (trusted === undefined || distrustful === undefined) throw new Error('two clients were opened')
    await untilReady(trusted)
    const value = Buffer.alloc(200_000, 'x')
    expect((await trusted.send(ms(key, value, 'T0'), soon())).code).toBe('HD')
    expect((await trusted.send(mg(key, 'v'), soon())).value).toEqual(value)
    await vi.waitUntil(() => distrustful.lastError !== undefined)
    expect(distrustful.lastError?.message).toMatch(/self-signed certificate/)
    expect(distrustful.ready).toBe(false)
  })

  test('plain text to a TLS port: the error says what is wanted', async () => {
    using certificate = makeCertificate('DNS:localhost')
    const server = await start({ tls: certificate.files })
    const client = openClient(`memcached://127.0.0.1:${server.port}`)
    await vi.waitUntil(() => client.lastError !== undefined)
    expect(client.lastError?.message).toMatch(/before its first answer; a TLS port wants memcacheds:\/\//)
  })

  test('TLS to a port without it: the error says what is wanted, on one line', async () => {
    const client = openClient(`memcacheds://127.0.0.1:${shared.port}`)
    await vi.waitUntil(() => client.lastError !== undefined)
    expect(client.lastError?.message).toMatch(
      /the port does not speak TLS \(.*\); plaintext wants memcached:\/\/$/,
    )
  })

  test('a port where nobody listens is a normal state', async () => {
    const client = openClient(`memcached://127.0.0.1:${await freePort()}`)
    await vi.waitUntil(() => client.lastError !== undefined)
    expect(await codeOf(client.send(mg(key, 'v'), soon()))).toBe('l2_unavailable')
  })

  test('a server that has as many connections as it takes says so, and is tried again', async () => {
    const server = await start({ args: ['-c', '64'] })
    const others = Array.from({ length: 100 }, () => connect(server.port, '127.0.0.1').on('error', () => {}))
    onTestFinished(() => others.forEach((socket) => void socket.destroy()))
    await vi.waitUntil(() => others.some((socket) => socket.bytesRead > 0))
    const onFatal = vi.fn()
    const client = openClient(server.url, { events: { onFatal } })
    // It hangs up at once: what it says may be lost with the connection, once or twice.
    const words = 'the server answered ERROR "Too many open connections"'
    await vi.waitUntil(() => client.lastError?.message === words, { timeout: 5000 })
    for (const socket of others) socket.destroy()
    await untilReady(client)
    expect(onFatal).not.toHaveBeenCalled()
  })
})

describe('users', () => {
  const secret = 'h\u00fcnter2%'

  test('the right password is let in, and another or none is told once, without repeating it', async () => {
    const server = await start({ users: { wilhelm: secret } })
    const url = (user: string, password: string): string =>
      server.url.replace('://', `://${encodeURIComponent(user)}:${encodeURIComponent(password)}@`)
    const client = await openedClient(url('wilhelm', secret))
    expect((await client.send(ms(key, 'x', 'T0'), soon())).code).toBe('HD')
    const wrong = await fatalError(url('wilhelm', 'Zq9wrong'))
    expect(wrong.message).toBe('the server does not accept this user and password')
    const none = await fatalError(server.url)
    expect(none.message).toBe('the server asks for a user and a password, and none was given')
    expect(inspect([client, wrong, none], { depth: null, showHidden: true })).not.toMatch(
      /Zq9wrong|h\u00fcnter2/,
    )
  })

  test('a server that asks for no password keeps none', async () => {
    const server = await start()
    await openedClient(server.url.replace('://', '://wilhelm:hunter2@'))
    expect(await server.cli('mg holdfast:auth v')).toBe('EN')
    expect((await server.stats()).curr_items).toMatch(/^[01]$/)
  })
})

describe('commands', () => {
  test('each gets its own reply, in order, in one write', async () => {
    const client = await openedClient(shared.url)
    const odd = metaKey('a b\r\n')
    const replies = await client.sendAll(
      [
        ms(odd, Buffer.from([0, 13, 10, 255]), 'T0 F7 c'),
        mg(odd, 'v f t c'),
        mg(key, 'v'),
        ma(metaKey('n'), 'N0 J41 v'),
        ma(metaKey('n'), 'v'),
        md(odd),
        md(odd),
      ],
      soon(),
    )
    const shown = replies.map((reply) =>
      describeReply(reply)
        .replace(/cas \d+/, 'cas *')
        .replace(/ #\d+/, ''),
    )
    expect(shown).toEqual([
      'HD cas *',
      'VA 4:\0\r\n\xff cas * flags 7 ttl -1',
      'EN',
      'VA 2:41',
      'VA 2:42',
      'HD',
      'NF',
    ])
  })

  test('a receiver that borrows is lent what it is told, in wire order', async () => {
    const client = await openedClient(shared.url)
    await client.sendAll([ms(metaKey('a'), 'one', 'T0'), ms(metaKey('b'), 'two', 'T0')], soon())
    const done = Promise.withResolvers<void>()
    const told: string[] = []
    const lent = new Set<MetaReply>()
    const receiver = {
      borrows: true,
      reply: (reply: MetaReply) => {
        lent.add(reply)
        told.push(reply.value?.toString() ?? '')
        if (told.length === 2) done.resolve()
      },
      fail: done.reject,
    }
    for (const name of ['a', 'b']) client.post(mg(metaKey(name), 'v'), soon(), receiver)
    await done.promise
    expect(told).toEqual(['one', 'two'])
    expect(lent.size).toBe(1)
  })

  test('a lease is filled by its cas, and by no other', async () => {
    const client = await openedClient(shared.url)
    const [won, lost] = await client.sendAll([mg(key, 'v c N2'), mg(key, 'v c N2')], soon())
    expect([won?.won, won?.size, lost?.lost, lost?.cas === won?.cas]).toEqual([true, 0, true, true])
    const [late, filled] = await client.sendAll(
      [ms(key, 'late', `C${Number(won?.cas) + 1} T0`), ms(key, 'mine', `C${won?.cas} T0`)],
      soon(),
    )
    expect([late?.code, filled?.code]).toEqual(['EX', 'HD'])
  })

  test('values of all sizes up to the server’s own bound come back whole', async () => {
    const client = await openedClient(shared.url)
    const itemBytesMax = client.facts?.itemBytesMax ?? 0
    const sizes = [0, 1, 1023, 1024, 1025, 32_768, 100_000, itemBytesMax - 64]
    for (const size of sizes) {
      const value = Buffer.alloc(size, `${size}-`)
      const [stored, read] = await client.sendAll([ms(key, value, 'T0'), mg(key, 'v')], soon())
      expect(stored?.code).toBe('HD')
      expect(read?.value?.equals(value)).toBe(true)
    }
  })

  test('a value above it is refused before it is sent, and the old one stays', async () => {
    const client = await openedClient(shared.url)
    await client.send(ms(key, 'old', 'T0'), soon())
    const tooLong = ms(key, Buffer.alloc((client.facts?.itemBytesMax ?? 0) - 63), 'T0')
    expect(await codeOf(client.send(tooLong, soon()))).toBe('value_too_large')
    expect(await codeOf(batch(client, [tooLong]))).toBe('value_too_large')
    const posted = new Promise((_, fail) => client.post(tooLong, soon(), { reply: () => undefined, fail }))
    expect(await codeOf(posted)).toBe('value_too_large')
    expect((await client.send(mg(key, 'v'), soon())).value?.toString()).toBe('old')
    // As the server itself would have it:
    const long = 'x'.repeat(client.facts?.itemBytesMax ?? 0)
    expect(await shared.cli(`ms k ${long.length}\r\n${long}`)).toMatch(/^SERVER_ERROR/)
    expect((await client.send(mg(key, 'v'), soon())).code).toBe('EN')
  })

  test('a value longer than is kept is passed over, and what follows is read', async () => {
    const client = await openedClient(shared.url, { keptBytesMax: 1000 })
    await client.sendAll([ms(key, Buffer.alloc(70_000, 'x'), 'T0'), ms(metaKey('a'), 'after', 'T0')], soon())
    const [long, after] = await client.sendAll([mg(key, 'v'), mg(metaKey('a'), 'v')], soon())
    expect([long?.code, long?.size, long?.value]).toEqual(['VA', 70_000, undefined])
    expect(after?.value?.toString()).toBe('after')
  })

  test('what the server knows of an item is asked for without touching it', async () => {
    const client = await openedClient(shared.url)
    await client.send(ms(key, 'value', 'T100'), soon())
    const facts = await client.itemFacts(key, soon().by)
    expect(facts?.get('fetch')).toBe('no')
    expect(Number(facts?.get('size'))).toBeGreaterThan(50)
    // 1.6.18 puts a minus before it.
    const seconds = Math.abs(Number(facts?.get('exp')))
    expect(seconds).toBeGreaterThan(95)
    expect(seconds).toBeLessThanOrEqual(100)
    expect(await client.itemFacts(metaKey('none'), soon().by)).toBe(undefined)
    expect((await client.send(mg(key, 'v'), soon())).value?.toString()).toBe('value')
  })

  test('statistics come by section', async () => {
    const client = await openedClient(shared.url)
    expect((await client.stats('', soon().by)).get('pid')).toBe(String(shared.pid))
    expect((await client.stats('settings', soon().by)).get('cas_enabled')).toBe('yes')
  })
})

describe('quiet batches', () => {
  test('only what has something to say says it, and the end is told', async () => {
    const client = await openedClient(shared.url)
    await client.sendAll([ms(metaKey('a'), '1', 'T0'), ms(metaKey('c d'), '3', 'T0')], soon())
    expect(
      await batch(
        client,
        ['a', 'b', 'c d', 'e'].map((name) => mg(metaKey(name), 'v')),
      ),
    ).toEqual(['0 VA 1', '2 VA 3'])
    const [a, b] = [metaKey('a'), metaKey('b')]
    expect(await batch(client, [md(a), md(b), ms(b, 'x', 'T0'), ms(b, 'y', 'ME'), mg(b, 'v')])).toEqual([
      '1 NF',
      '3 NS',
      '4 VA x',
    ])
    expect(await batch(client, [mg(a, 'v')])).toEqual([])
    expect(await batch(client, [])).toEqual([])
  })

  test('large values, lent or owned, among single commands', async () => {
    const client = await openedClient(shared.url)
    const names = Array.from({ length: 300 }, (_, i) => `n${i}`)
    const textOf = (name: string): string => name.padEnd(Number(name.slice(1)) * 10 + 10, '.')
    await Promise.all(names.map((name) => client.send(ms(metaKey(name), textOf(name), 'T0'), soon())))
    const meant = names.map((name, i) => `${i} VA ${textOf(name)}`)
    const gets = names.map((name) => mg(metaKey(name), 'v'))
    const [lent, single, owned] = await Promise.all([
      batch(client, gets),
      client.send(mg(metaKey('n7'), 'v'), soon()),
      batch(client, gets, false),
    ])
    expect(lent).toEqual(meant)
    expect(owned).toEqual(meant)
    expect(single.value?.toString()).toBe(textOf('n7'))
  })
})

describe('expiry', () => {
  test('T2 lives for more than a second, and 30 days are no moment of 1970', async () => {
    const client = await openedClient(shared.url)
    const month = 30 * 24 * 60 * 60
    const seconds = [2, month, Math.ceil(client.serverNow() / 1000) + month + 1]
    for (const [i, T] of seconds.entries()) await client.send(ms(metaKey(`t${i}`), 'x', `T${T}`), soon())
    const ttls = await Promise.all(seconds.map((_, i) => client.send(mg(metaKey(`t${i}`), 't'), soon())))
    expect(ttls.map(({ code }) => code)).toEqual(['HD', 'HD', 'HD'])
    expect(ttls[1]?.ttlSec).toBeGreaterThanOrEqual(month - 1)
    expect(ttls[2]?.ttlSec).toBeGreaterThanOrEqual(month - 1)
    // The trap: seconds above 30 days without the year are long gone.
    await client.send(ms(key, 'x', `T${month + 1}`), soon())
    expect((await client.send(mg(key, 'v'), soon())).code).toBe('EN')
  })
})

describe('trouble', () => {
  test('what the server does not understand rejects its command, and a new connection takes over', async () => {
    const lost: string[] = []
    const client = await openedClient(shared.url, {
      events: { onLost: ({ message }) => void lost.push(message) },
    })
    const wrong = client.send(mg(key, 'v !'), soon()).catch((error: unknown) => error)
    const behind = client.send(mg(key, 'v'), soon()).catch((error: unknown) => error)
    const error = await wrong
    expect(error).toBeInstanceOf(MemcachedReplyError)
    expect(error).toMatchObject({ kind: 'CLIENT_ERROR', code: 'l2_error' })
    expect(await behind).toMatchObject({ code: 'l2_unavailable', cause: { code: 'lost' } })
    expect(lost).toEqual([expect.stringContaining('after CLIENT_ERROR nobody knows')])
    await untilReady(client)
    expect(client.generation).toBe(2)
    expect((await client.send(mg(key, 'v'), soon())).code).toBe('EN')
  })

  test('a full server that keeps what it has: the write is rejected, and the connection stays', async () => {
    const server = await start({ whenFull: 'refuse', memoryMb: 2, args: ['-n', '4096'] })
    const refusing: string[] = []
    const client = await openedClient(server.url, {
      events: { onRefusing: (why) => void refusing.push(why) },
    })
    const value = Buffer.alloc(100_000)
    const fill = async (): Promise<unknown> => {
      for (let i = 0; i < 1000; i++) {
        const error = await client
          .send(ms(metaKey(`f${i}`), value, 'T0'), soon())
          .catch((error: unknown) => error)
        if (error instanceof Error) return error
      }
      return 'never full'
    }
    const error = await fill()
    expect(error).toMatchObject({
      kind: 'SERVER_ERROR',
      code: 'l2_error',
      retryable: true,
      refusesWrites: true,
    })
    expect(await fill()).toBeInstanceOf(MemcachedReplyError)
    expect(refusing).toEqual([expect.stringMatching(/out of memory/)])
    // The value that was to be replaced went with the attempt; what is there can be removed.
    const [replaced, other] = await client.sendAll([md(metaKey('f0')), md(metaKey('f1'))], soon())
    expect([replaced?.code, other?.code]).toEqual(['NF', 'HD'])
    expect(client.generation).toBe(1)
  })

  test('a server that comes back is another generation, with facts of its own', async () => {
    const server = await start()
    const client = await openedClient(server.url)
    const { facts } = client
    await server.kill()
    await vi.waitUntil(() => !client.ready)
    await server.restart()
    await untilReady(client)
    expect(client.generation).toBe(2)
    expect(client.facts?.pid).toBe(server.pid)
    expect(client.facts?.pid).not.toBe(facts?.pid)
  })

  test('a frozen server costs each caller its deadline, and the late reply goes to nobody', async () => {
    const server = await start()
    const client = await openedClient(server.url)
    await client.send(ms(key, 'old', 'T0'), soon())
    await server.pause()
    const startedAt = systemClock.now()
    expect(await codeOf(client.send(mg(key, 'v'), soon(50)))).toBe('l2_timeout')
    // Slack for a busy machine: the deadline is met within 10 ms on an idle one.
    expect(systemClock.now() - startedAt).toBeLessThan(500)
    server.resume()
    const [missing, found] = await client.sendAll([mg(metaKey('none'), 'v'), mg(key, 'v')], soon())
    expect([missing?.code, found?.value?.toString()]).toEqual(['EN', 'old'])
    expect(client.generation).toBe(1)
  })

  test('a server that is silent for good is noticed without any call', async () => {
    const server = await start()
    const client = await openedClient(server.url, { heartbeatMs: 20, limits: { stallMs: 50 } })
    await server.pause()
    await vi.waitUntil(() => !client.ready, { interval: 1, timeout: 3000 })
    server.resume()
    await untilReady(client)
  })

  test.each([1, 7, 4096])(
    'replies that come %d bytes at a time are read all the same (F15)',
    async (sliceBytes) => {
      const proxy = await startFaultProxy(shared)
      onTestFinished(() => proxy.close())
      proxy.inject({ sliceBytes })
      const client = await openedClient(`memcached://127.0.0.1:${proxy.port}`, {
        limits: { connectTimeoutMs: 10_000 },
      })
      const value = 'VA 2 O1\r\nhi\r\n'.repeat(40)
      const [, read, missing] = await client.sendAll(
        [ms(key, value, 'T0'), mg(key, 'v c'), mg(metaKey('none'), 'v')],
        soon(10_000),
      )
      expect(read?.value?.toString()).toBe(value)
      expect(missing?.code).toBe('EN')
    },
  )

  test('a connection that is cut inside of a reply rejects it, and the next one works (F12)', async () => {
    const proxy = await startFaultProxy(shared)
    onTestFinished(() => proxy.close())
    const client = await openedClient(`memcached://127.0.0.1:${proxy.port}`)
    await client.send(ms(key, 'x'.repeat(100), 'T0'), soon())
    proxy.inject({ resetAfterBytes: 50 })
    const error = await client.send(mg(key, 'v'), soon()).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'l2_unavailable', cause: { code: 'lost' } })
    proxy.heal()
    await untilReady(client)
    expect((await client.send(mg(key, 'v'), soon())).size).toBe(100)
  })

  test('what is in flight when the client is closed is rejected, and what comes later', async () => {
    const client = await openedClient(shared.url)
    const under = codeOf(client.send(mg(key, 'v'), soon()))
    await client.close()
    expect(await under).toBe('closed')
    expect(await codeOf(client.send(mg(key, 'v'), soon()))).toBe('closed')
    expect(await codeOf(batch(client, [mg(key, 'v')]))).toBe('closed')
  })
})
