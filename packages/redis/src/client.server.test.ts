import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { freePort, type RedisServer, type StartRedisOptions, startRedis } from '@holdfast/testkit'
import { WireError } from '@holdfast/wire'
import { CacheError, systemClock } from 'holdfast/contracts'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { RedisClient, type RedisClientEvents, type RedisClientOptions, type RedisReady } from './client.ts'
import { RedisReplyError } from './reply-error.ts'
import { RespError, type RespValue } from './resp-value.ts'
import { parseRedisUrl } from './url.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** Most tests share one server, emptied before each. */
let shared: RedisServer
beforeAll(async () => {
  shared = await startRedis()
})
afterAll(() => shared.stop())

async function start(options: StartRedisOptions = {}): Promise<RedisServer> {
  const server = await startRedis(options)
  cleanups.push(() => server.stop())
  return server
}

function open(url: string, options: Partial<RedisClientOptions> = {}): RedisClient {
  const client = new RedisClient({
    address: parseRedisUrl(url),
    clock: systemClock,
    tracking: 'off',
    heartbeatMs: 10_000,
    ...options,
    limits: { backoffMinMs: 5, backoffMaxMs: 50, ...options.limits },
  })
  cleanups.push(() => client.close())
  return client
}

async function opened(url = shared.url, options: Partial<RedisClientOptions> = {}): Promise<RedisClient> {
  const client = open(url, options)
  await untilReady(client)
  return client
}

const untilReady = (client: RedisClient): Promise<unknown> =>
  vi.waitUntil(() => client.ready, { interval: 1, timeout: 5000 })
const soon = (ms = 2000): { by: number } => ({ by: systemClock.now() + ms })
const text = (reply: RespValue): string => (Buffer.isBuffer(reply) ? reply.toString() : inspect(reply))
const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'answered',
    (error) => (error instanceof CacheError ? error.code : error),
  )

/** The first fatal error of a client of this server. */
async function fatalError(url: string, options: Partial<RedisClientOptions> = {}): Promise<Error> {
  const fatal = Promise.withResolvers<Error>()
  const client = open(url, { ...options, events: { onFatal: fatal.resolve } })
  const error = await fatal.promise
  expect(client.ready).toBe(false)
  await client.close()
  return error
}

describe('handshake', () => {
  test('the server is known when the client is ready', async () => {
    const ready: RedisReady[] = []
    const client = await opened(shared.url, { events: { onReady: (facts) => void ready.push(facts) } })
    const [info, replication] = [await shared.info('server'), await shared.info('replication')]
    const facts = {
      server: info.valkey_version === undefined ? 'redis' : 'valkey',
      version: info.valkey_version ?? info.redis_version,
      runId: info.run_id,
      role: 'master',
      histories: [replication.master_replid, replication.master_replid2],
      primary: undefined,
    }
    expect(ready).toEqual([{ ...facts, generation: 1 }])
    expect(client.facts).toEqual(facts)
  })

  test('the connection bears its name and speaks RESP3 in its database', async () => {
    const client = await opened(`${shared.url}/5`, { clientName: 'orders@eu-1', tracking: 'all' })
    const info = text(await client.command(['CLIENT', 'INFO'], soon()))
    expect(info).toContain('name=orders@eu-1 ')
    expect(info).toContain(' db=5 ')
    expect(info).toContain(' resp=3')
    expect(info).toMatch(/ flags=t /)
  })

  test('a name with spaces or line breaks is refused at once', () => {
    for (const clientName of ['a b', 'a\r\nFLUSHALL', '', 'é', 'x'.repeat(65)]) {
      expect(() => open(shared.url, { clientName })).toThrow(
        expect.objectContaining({ code: 'invalid_argument' }),
      )
    }
  })

  test('the server time is estimated to a few milliseconds', async () => {
    const client = await opened()
    expect(Math.abs(client.serverNow() - Date.now())).toBeLessThan(20)
  })

  test('prepare runs before the client is ready, and its failure is tried again', async () => {
    const log: string[] = []
    const client = open(shared.url, {
      events: { onReady: ({ generation }) => void log.push(`ready ${generation}`) },
      prepare: async (session) => {
        const answer = await session.command(['INCR', 'prepared'], { by: session.by })
        log.push(`prepare ${session.generation} ${answer} ${client.ready} ${session.facts.role}`)
        if (answer === 1) throw new Error('not this time')
      },
    })
    await untilReady(client)
    expect(log).toEqual(['prepare 1 1 false master', 'prepare 2 2 false master', 'ready 2'])
  })

  test('a server that loads its data is not ready', async () => {
    const slowly = ['--key-load-delay', '5000', '--loading-process-events-interval-bytes', '1024']
    const server = await start({ args: slowly })
    await server.cli('EVAL', "for i=1,100 do redis.call('SET', i, string.rep('x', 2000)) end", 0)
    await server.cli('SAVE')
    const client = await opened(server.url)
    await server.kill()
    const back = server.restart()
    await vi.waitUntil(() => client.lastError?.message.includes('loading'), { interval: 1, timeout: 5000 })
    expect(client.ready).toBe(false)
    await back
    await untilReady(client)
    expect(await client.command(['DBSIZE'], soon())).toBe(100)
  })
})

describe('credentials', () => {
  const secret = 'p@:/% wörd'
  const addressWith = (server: RedisServer, user: string, password: string): string =>
    `redis://${user}:${encodeURIComponent(password)}@127.0.0.1:${server.port}`

  test('the default user and an own user are let in', async () => {
    const server = await start({ password: secret })
    const client = await opened(addressWith(server, '', secret))
    await client.command(['ACL', 'SETUSER', 'app', 'on', `>${secret}2`, '~*', '&*', '+@all'], soon())
    const own = await opened(addressWith(server, 'app', `${secret}2`))
    expect(text(await own.command(['ACL', 'WHOAMI'], soon()))).toBe('app')
  })

  test('a wrong or missing password is told clearly, and nothing shows it', async () => {
    const server = await start({ password: secret })
    const wrong = await fatalError(addressWith(server, 'someone', 'hunter2'))
    expect(wrong).toMatchObject({ code: 'l2_error', prefix: 'WRONGPASS' })
    expect(wrong.message).toBe('the server does not accept this user and password (WRONGPASS)')
    const missing = await fatalError(`redis://127.0.0.1:${server.port}`)
    expect(missing).toMatchObject({ code: 'l2_unavailable', prefix: 'NOAUTH' })
    expect(missing.message).toContain('asks for a password')
    expect(inspect([wrong, missing], { depth: null, showHidden: true })).not.toMatch(/hunter2|someone/)
  })

  test('a server without HELLO, which would repeat the password, is told as unsupported', async () => {
    const server = await start({ args: ['--rename-command', 'HELLO', 'GREET'] })
    const error = await fatalError(addressWith(server, 'someone', 'hunter2'))
    expect(error).toMatchObject({ code: 'l2_unsupported' })
    expect(inspect(error, { depth: null, showHidden: true })).not.toMatch(/hunter2|someone/)
  })

  test('inspecting a client shows no credentials, before, while and after it is connected', async () => {
    const server = await start({ password: 'hunter2' })
    const client = open(addressWith(server, '', 'hunter2'))
    const shown = (): string => inspect(client, { depth: null, showHidden: true }) + JSON.stringify(client)
    const before = shown()
    await untilReady(client)
    const during = shown()
    const failure = await client.command(['NOSUCH'], soon()).catch((error: unknown) => error)
    await client.close()
    expect(before + during + shown() + inspect(failure, { depth: null, showHidden: true })).not.toContain(
      'hunter2',
    )
  })

  test('a user who may not run what the handshake needs is told so', async () => {
    const server = await start()
    await server.cli('ACL', 'SETUSER', 'meek', 'on', '>pw', '~*', '+@all', '-info')
    const error = await fatalError(addressWith(server, 'meek', 'pw'))
    expect(error).toMatchObject({ code: 'l2_error', prefix: 'NOPERM' })
    expect(error.message).toContain("'info'")
  })
})

describe('TLS', () => {
  test('rediss:// works with a known certificate, and refuses one that nobody vouches for', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'redis-tls-'))
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const kind = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost']
    const name = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', cert]
    // Where openssl is missing this throws and says so: apt-get install openssl.
    execFileSync('openssl', [...kind, ...name], { stdio: 'pipe' })
    const ca = readFileSync(cert, 'utf8')
    const port = await freePort()
    const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert]
    await start({ args: ['--tls-port', `${port}`, '--tls-auth-clients', 'no', ...files] })
    rmSync(folder, { recursive: true })
    const stranger = open(`rediss://:secret@127.0.0.1:${port}`)
    await vi.waitUntil(() => stranger.lastError !== undefined, { interval: 1 })
    expect(stranger.lastError?.message).toContain('self-signed certificate')
    const address = parseRedisUrl(`rediss://127.0.0.1:${port}`)
    const endpoint = { ...address.endpoint, tls: { ca } }
    const client = await opened(shared.url, { address: { ...address, endpoint } })
    const big = Buffer.alloc(200_000, 'z')
    await client.command(['SET', 'big', big, 'PX', 60_000], soon())
    expect(await client.command(['GET', 'big'], soon())).toEqual(big)
    expect(stranger.ready).toBe(false)
  })
})

describe('servers that cannot be used', () => {
  test('a cluster is refused with what was found and what is needed', async () => {
    const server = await start({ args: ['--cluster-enabled', 'yes'] })
    const error = await fatalError(server.url)
    expect(error).toMatchObject({ code: 'l2_unsupported' })
    expect(error.message).toMatch(/\w+ \d+\.\d+\.\d+ in "cluster" mode: .*standalone Redis 7\.0 or newer/)
  })

  test('a database that the server does not have is refused', async () => {
    const error = await fatalError(`${shared.url}/99`)
    expect(error.message).toContain('DB index is out of range')
  })
})

describe('commands', () => {
  test('10,000 pipelined commands get each their own reply', async () => {
    const client = await opened()
    const names = Array.from({ length: 10_000 }, (_, i) => `value ${i}`)
    const replies = await Promise.all(names.map((name) => client.command(['ECHO', name], soon(10_000))))
    expect(replies.map(text)).toEqual(names)
  })

  test('keys and values are binary safe, and nothing in them is a command', async () => {
    const client = await opened()
    await client.command(['SET', 'sentinel', 'alive'], soon())
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    for (const odd of [
      all,
      Buffer.from('\r\nFLUSHALL\r\n'),
      Buffer.from('*1\r\n$8\r\nFLUSHALL\r\n'),
      Buffer.alloc(0),
    ]) {
      await client.command(['SET', odd, odd], soon())
      expect(await client.command(['GET', odd], soon())).toEqual(odd)
    }
    await client.command(['SET', 'é😀\r\n', Buffer.alloc(300_000, 7)], soon())
    expect(await client.command(['STRLEN', Buffer.from('é😀\r\n')], soon())).toBe(300_000)
    expect(text(await client.command(['GET', 'sentinel'], soon()))).toBe('alive')
  })

  test('an error reply rejects its command with its prefix, and is a value for the tap', async () => {
    const client = await opened()
    const tapped: RespValue[] = []
    await client.command(['SET', 'text', 'x'], soon())
    const options = { ...soon(), tap: (reply: RespValue) => void tapped.push(reply) }
    const error = await client.command(['LPUSH', 'text', 'y'], options).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(RedisReplyError)
    expect(error).toMatchObject({ code: 'l2_error', prefix: 'WRONGTYPE', tier: 'l2', retryable: false })
    expect(tapped).toEqual([expect.any(RespError)])
  })

  test('a full server is an error that may pass', async () => {
    const server = await start({ args: ['--maxmemory', '1', '--maxmemory-policy', 'noeviction'] })
    const client = await opened(server.url)
    await expect(client.command(['SET', 'k', 'v'], soon())).rejects.toMatchObject({
      prefix: 'OOM',
      retryable: true,
    })
  })

  test('without a connection a command is refused at once', async () => {
    const client = open('redis://127.0.0.1:1')
    expect(await codeOf(client.command(['PING'], soon()))).toBe('l2_unavailable')
    await client.close()
    await expect(client.command(['PING'], soon())).rejects.toMatchObject({
      code: 'closed',
      retryable: false,
    })
  })

  test('a unix socket serves like TCP', async () => {
    const server = await start({ unixSocket: true })
    const client = await opened(`redis+unix://${server.socketPath}?db=2`)
    await client.command(['SET', 'k', 'v'], soon())
    await server.cli('SELECT', 2)
    expect(await server.cli('GET', 'k')).toBe('v')
  })
})

describe('scripts', () => {
  const source = "return {KEYS[1], ARGV[1], redis.call('INCR', 'runs')}"
  const script = { source, sha: createHash('sha1').update(source).digest('hex') }

  test('an unknown script runs once, from its source, and is known afterwards', async () => {
    await shared.cli('FLUSHALL')
    await shared.cli('SCRIPT', 'FLUSH')
    const client = await opened()
    const tapped: RespValue[] = []
    const run = (): Promise<RespValue> =>
      client.script(script, ['k'], [7], { ...soon(), tap: (reply) => void tapped.push(reply) })
    const replies = [await run(), await run()]
    expect(replies).toEqual([
      [Buffer.from('k'), Buffer.from('7'), 1],
      [Buffer.from('k'), Buffer.from('7'), 2],
    ])
    expect(tapped).toEqual(replies)
    const calls = await shared.info('commandstats')
    expect(calls.cmdstat_eval).toMatch(/^calls=1,/)
  })

  test('an error inside of a script is not tried again', async () => {
    const bad = "redis.call('INCR', 'tries'); return redis.call('NOSUCH')"
    const client = await opened()
    const sha = createHash('sha1').update(bad).digest('hex')
    await expect(client.script({ source: bad, sha }, [], [], soon())).rejects.toMatchObject({
      code: 'l2_error',
    })
    expect(text(await client.command(['GET', 'tries'], soon()))).toBe('1')
  })
})

describe('barrier and heartbeat', () => {
  const timeCalls = async (): Promise<number> =>
    Number(/calls=(\d+)/.exec((await shared.info('commandstats')).cmdstat_time ?? '')?.[1] ?? 0)

  test('the callers of one tick share one command, later ones do not', async () => {
    const client = await opened()
    await client.barrier(soon().by)
    const before = await timeCalls()
    await Promise.all(Array.from({ length: 100 }, () => client.barrier(soon().by)))
    expect(await timeCalls()).toBe(before + 1)
    const first = client.barrier(soon().by)
    await new Promise((resolve) => setImmediate(resolve))
    await Promise.all([first, client.barrier(soon().by)])
    expect(await timeCalls()).toBe(before + 3)
  })

  test('deadlines far from each other are not shared', async () => {
    const client = await opened()
    shared.pause()
    const start = systemClock.now()
    const short = codeOf(client.barrier(start + 50))
    const long = client.barrier(start + 5000)
    expect(await short).toBe('l2_timeout')
    expect(systemClock.now() - start).toBeLessThan(1000)
    shared.resume()
    await long
  })

  test('a barrier and each heartbeat tell when they were written', async () => {
    const verified: number[] = []
    const extra = vi.fn(() => [['INCR', 'beats'], ['NOSUCH']])
    const client = await opened(shared.url, {
      heartbeatMs: 20,
      events: { onVerified: (at) => void verified.push(at) },
      heartbeatExtra: extra,
    })
    await vi.waitUntil(() => verified.length >= 4, { interval: 1 })
    const before = systemClock.now()
    await client.barrier(soon().by)
    expect(verified.some((at) => at >= before && at <= systemClock.now())).toBe(true)
    expect(verified).toEqual(verified.toSorted((a, b) => a - b))
    expect(Number(text(await client.command(['GET', 'beats'], soon())))).toBeGreaterThanOrEqual(4)
    expect(extra.mock.calls.length).toBeGreaterThanOrEqual(4)
  })

  test('a refused barrier is not shared with a later tick', async () => {
    const server = await start()
    const client = open(server.url)
    expect(await codeOf(client.barrier(soon().by))).toBe('l2_unavailable')
    await untilReady(client)
    await client.barrier(soon().by)
  })

  test('hooks that throw are reported and break nothing', async () => {
    const trouble: unknown[] = []
    const fail = (): never => {
      throw new Error('hook')
    }
    const events: RedisClientEvents = { onTrouble: (error) => void trouble.push(error) }
    const failing = { ...events, onReady: fail, onVerified: fail, onInvalidate: fail }
    const client = await opened(shared.url, {
      tracking: 'all',
      heartbeatMs: 10,
      heartbeatExtra: fail,
      events: failing,
    })
    await client.command(['GET', 'watched'], soon())
    await shared.cli('SET', 'watched', 1)
    await client.barrier(soon().by)
    expect(trouble.length).toBeGreaterThanOrEqual(4)
  })
})

describe('trouble', () => {
  test('a killed server loses what is in flight, and a restarted one is another generation', async () => {
    const server = await start()
    const log: string[] = []
    const client = await opened(server.url, {
      events: {
        onReady: ({ generation, runId }) => void log.push(`ready ${generation} ${runId}`),
        onLost: () => void log.push('lost'),
      },
    })
    const firstRunId = client.facts?.runId
    await client.command(['ECHO', 'x'], soon())
    server.pause()
    const waiting = client.command(['ECHO', 'y'], soon(10_000)).catch((error: unknown) => error)
    await new Promise((resolve) => setImmediate(resolve))
    await server.kill()
    const error = await waiting
    expect(error).toMatchObject({ code: 'l2_unavailable', retryable: true })
    const cause = error instanceof CacheError ? error.cause : undefined
    expect(cause instanceof WireError && cause.code).toBe('lost')
    await server.restart()
    await untilReady(client)
    expect(client.facts?.runId).not.toBe(firstRunId)
    expect(log).toEqual([
      `ready 1 ${firstRunId}`,
      'lost',
      `ready ${client.generation} ${client.facts?.runId}`,
    ])
    expect(text(await client.command(['ECHO', 'z'], soon()))).toBe('z')
  })

  test('a frozen server costs each caller its deadline, and is used again when it thaws', async () => {
    const server = await start()
    const client = await opened(server.url)
    server.pause()
    const start_ = systemClock.now()
    const waits = [50, 100, 250].map(async (ms) => {
      expect(await codeOf(client.command(['ECHO', 'late'], { by: start_ + ms }))).toBe('l2_timeout')
      return systemClock.now() - start_ - ms
    })
    for (const lateMs of await Promise.all(waits)) expect(lateMs).toBeLessThan(30)
    server.resume()
    expect(text(await client.command(['ECHO', 'own'], soon()))).toBe('own')
    expect(client.generation).toBe(1)
  })

  test('a server frozen for longer is reconnected to within a second of its thaw', async () => {
    const server = await start()
    const client = await opened(server.url, {
      heartbeatMs: 50,
      limits: { stallMs: 100, connectTimeoutMs: 200 },
    })
    server.pause()
    await vi.waitUntil(() => !client.ready, { interval: 1, timeout: 3000 })
    server.resume()
    const start_ = systemClock.now()
    await untilReady(client)
    expect(systemClock.now() - start_).toBeLessThan(1000)
    expect(client.generation).toBeGreaterThan(1)
  })

  test('a bulk above the bound ends the connection, and only that', async () => {
    const client = await opened(shared.url, { bulkBytesMax: 100_000 })
    await shared.cli('SET', 'big', 'x'.repeat(100_001))
    const error = await client.command(['GET', 'big'], soon()).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'l2_unavailable' })
    expect(client.lastError?.message).toContain('above the bound of 100000')
    await untilReady(client)
    expect(client.generation).toBe(2)
  })
})
