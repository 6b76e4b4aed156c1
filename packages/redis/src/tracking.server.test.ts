/**
 * Facts of server-assisted tracking that the store is built on, seen through the client, in wire order.
 */
import { type RedisServer, startRedis } from '@holdfast/testkit'
import { systemClock } from 'holdfast/contracts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { RedisClient } from './client.ts'
import { parseRedisUrl } from './url.ts'

let server: RedisServer
let client: RedisClient
/** What came, in wire order: `reply <value>`, `push <keys>`. */
let log: string[]

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.cli('FLUSHALL')
  log = []
  client = new RedisClient({
    address: parseRedisUrl(server.url),
    clock: systemClock,
    tracking: 'all',
    heartbeatMs: 60_000,
    events: { onInvalidate: (keys) => void log.push(`push ${keys === null ? 'everything' : keys.join()}`) },
  })
  await vi.waitUntil(() => client.ready, { interval: 1, timeout: 5000 })
})
afterEach(() => client.close())

const soon = (): number => systemClock.now() + 5000
/** Sends, and logs the reply under `name` at its place in the stream. */
const send = (name: string, ...args: (string | number)[]): Promise<unknown> =>
  client.command(args, { by: soon(), tap: (reply) => void log.push(`${name} ${reply}`) })
const settled = (): Promise<void> => client.barrier(soon())

describe('pushes', () => {
  test('a foreign write to a key that was read comes before the reply to anything sent later', async () => {
    for (let round = 0; round < 200; round++) {
      log.length = 0
      await send('get', 'GET', 'k')
      await server.cli('SET', 'k', round)
      await send('echo', 'ECHO', 'x')
      expect(log.slice(1)).toEqual(['push k', 'echo x'])
    }
  })

  test('FLUSHALL invalidates everything', async () => {
    await send('get', 'GET', 'k')
    await server.cli('FLUSHALL')
    await settled()
    expect(log).toEqual(['get null', 'push everything'])
  })

  test('several names in one command come as pushes of one name each', async () => {
    await send('mget', 'MGET', 'a', 'b')
    await server.cli('MSET', 'a', 1, 'b', 2)
    await settled()
    expect(log.slice(1)).toEqual(['push a', 'push b'])
  })
})

/** Calls of a script, in order; `v` is KEYS[1], `l` KEYS[2]. */
const lua = (...calls: string[]): string => {
  const names = { v: 'KEYS[1]', l: 'KEYS[2]' }
  const lines = calls.map((call) => {
    const [command, key] = call.split(' ')
    const value = command === 'SET' ? ', ARGV[1]' : ''
    return `redis.call('${command}', ${key === 'l' ? names.l : names.v}${value})`
  })
  return `${lines.join('; ')}; return 1`
}

/** What follows a script on the wire, with a command pipelined behind it. */
async function runScript(source: string): Promise<readonly string[]> {
  await settled()
  log.length = 0
  await Promise.all([send('script', 'EVAL', source, 2, 'v', 'l', 'new'), send('echo', 'ECHO', 'x')])
  await settled()
  return log.splice(0)
}

async function pushesOf(key: string): Promise<readonly string[]> {
  await server.cli('SET', key, 'foreign')
  await settled()
  return log.splice(0)
}

describe('a script that reads, writes and reads again a key', () => {
  const source = lua('GET v', 'SET v', 'STRLEN v')

  for (const before of ['absent', 'present', 'tracked and absent', 'tracked and present']) {
    test(`${before} before: exactly one push of it, between the reply and the next, and it stays tracked`, async () => {
      if (before.includes('present')) await server.cli('SET', 'v', 'old')
      if (before.includes('tracked')) await send('get', 'GET', 'v')
      expect(await runScript(source)).toEqual(['script 1', 'push v', 'echo x'])
      expect(await pushesOf('v')).toEqual(['push v'])
    })
  }

  test('1,000 in a pipeline: each reply is followed by its own push', async () => {
    await settled()
    log.length = 0
    const keys = Array.from({ length: 1000 }, (_, i) => `k${i}`)
    await Promise.all(keys.map((key) => send(key, 'EVAL', source, 1, key, 'new')))
    await settled()
    expect(log).toEqual(keys.flatMap((key) => [`${key} 1`, `push ${key}`]))
  })

  test('without the last read the key is not tracked any more', async () => {
    expect(await runScript(lua('GET v', 'SET v'))).toEqual(['script 1', 'push v', 'echo x'])
    expect(await pushesOf('v')).toEqual([])
  })

  test('without the first read there is a push only if the key was tracked before', async () => {
    const blind = lua('SET v', 'STRLEN v')
    expect(await runScript(blind)).toEqual(['script 1', 'echo x'])
    expect(await runScript(blind)).toEqual(['script 1', 'push v', 'echo x'])
  })
})

describe('a script that also deletes another key', () => {
  const source = lua('GET v', 'SET v', 'DEL l', 'STRLEN v')

  test('that is there and tracked: its push follows the own one', async () => {
    await server.cli('SET', 'l', 'lease')
    await send('get', 'GET', 'l')
    expect(await runScript(source)).toEqual(['script 1', 'push v', 'push l', 'echo x'])
    expect(await pushesOf('v')).toEqual(['push v'])
  })

  test('that is not there: no push of it, tracked or not', async () => {
    expect(await runScript(source)).toEqual(['script 1', 'push v', 'echo x'])
    await server.cli('DEL', 'l')
    await send('get', 'GET', 'l')
    expect(await runScript(source)).toEqual(['script 1', 'push v', 'echo x'])
  })

  // Redis 7.0 registers all declared keys of a script at any read in it; later ones only the key that is read.
  test('that is there and not tracked: at most one push of it, after the own one', async () => {
    await server.cli('SET', 'l', 'lease')
    const seen = await runScript(source)
    expect(seen.filter((line) => line !== 'push l')).toEqual(['script 1', 'push v', 'echo x'])
    expect(seen.indexOf('push l')).toBeOneOf([-1, 2])
    expect(seen.lastIndexOf('push l')).toBe(seen.indexOf('push l'))
  })
})
