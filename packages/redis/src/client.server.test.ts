import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { type RedisServer, type StartRedisOptions, startRedis } from '@holdfast/testkit'
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
    tracking: false,
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
    const info = await shared.info('server')
    const facts = { server: 'redis', version: info.redis_version, runId: info.run_id, role: 'master' }
    expect(ready).toEqual([{ ...facts, generation: 1 }])
    expect(client.facts).toEqual(facts)
  })

  test('the connection bears its name and speaks RESP3 in its database', async () => {
    const client = await opened(`${shared.url}/5`, { clientName: 'orders@eu-1', tracking: true })
    const info = text(await client.command(['CLIENT', 'INFO'], soon()))
    expect(info).toContain('name=orders@eu-1 ')
    expect(info).toContain(' db=5 ')
    expect(info).toContain(' resp=3')
    expect(info).toMatch(/ flags=t /)
  })

  test('a name with spaces or line breaks is refused at once', () => {
    for (const clientName of ['a b', 'a\r\nFLUSHALL', '', 'é', 'x'.repeat(65)]) {
      expect(() => open(shared.url, { clientName })).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
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
    const server = await start({ args: ['--key-load-delay', '20', '--appendonly', 'yes', '--loading-process-events-interval-bytes', '1024'] })
    const client = await opened(server.url)
    await client.command(['EVAL', "for i=1,100 do redis.call('SET', i, i) end", 0], soon())
    await server.cli('CONFIG', 'SET', 'key-load-delay', 20_000)
    const reloading = server.cli('DEBUG', 'RELOAD').catch(() => {})
    const late = open(server.url)
    await reloading
    await untilReady(late)
    expect(await late.command(['DBSIZE'], soon())).toBe(100)
  })
})
