/** What the log says of a server that cannot be used: the cause, in words that name the mend, once. */
import { freePort, makeCertificate, pause, startRedis, until } from '@holdfast/testkit'
import { type Cache, createCache } from 'holdfast'
import { describe, expect, test } from 'vitest'
import { redis } from './redis.ts'
import { startFakeServer } from './testing/fake-server.ts'
import { tlsArgs } from './testing/tls-args.ts'

// A first connection that takes longer than 200 ms is told of; whatever is told twice is told by then.
const TOLD_MS = 500

interface Logged {
  readonly cache: Cache
  readonly lines: string[]
}

function open(url: string): Logged {
  const lines: string[] = []
  const logger = { info: () => undefined, warn: (line: string) => void lines.push(line) }
  return { cache: createCache({ name: 'life', l2: redis(url), logger }), lines }
}

/** All that is told of a server that is not to be used, from the start. */
async function toldAtFirst(url: string, count = 1): Promise<string[]> {
  const { cache, lines } = open(url)
  await using _ = cache
  await until('it is told', () => lines.length >= count)
  await pause(TOLD_MS)
  return lines
}

describe('at the first connection', () => {
  test('nobody listens', async () => {
    const port = await freePort()
    expect(await toldAtFirst(`redis://127.0.0.1:${port}`)).toEqual([
      `cache "life": L2 redis://127.0.0.1:${port}/0: not reached yet, going on without it: ` +
        `connect ECONNREFUSED 127.0.0.1:${port}`,
    ])
  })

  test('a server of HTTP', async () => {
    await using http = await startFakeServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    const url = `redis://127.0.0.1:${http.port}`
    expect(await toldAtFirst(url)).toEqual([
      `cache "life": L2 ${url}/0: not reached yet, going on without it: ` +
        'the answer begins with "H", which is not the Redis protocol: is this a Redis?',
    ])
  })

  test('redis:// to a TLS port', async () => {
    using certificate = makeCertificate('IP:127.0.0.1')
    const port = await freePort()
    await using _ = await startRedis({ args: tlsArgs(certificate.files, port) })
    const lines = await toldAtFirst(`redis://127.0.0.1:${port}`)
    expect(lines).toEqual([
      expect.stringMatching(/not reached yet, .*: .* before its first answer; a TLS port wants rediss:\/\/$/),
    ])
  })

  test('rediss:// to a port without TLS that answers', async () => {
    await using plain = await startFakeServer((socket) => socket.on('data', () => socket.write('-ERR\r\n')))
    const url = `rediss://127.0.0.1:${plain.port}`
    expect(await toldAtFirst(url)).toEqual([
      `cache "life": L2 ${url}/0: not reached yet, going on without it: ` +
        'the port does not speak TLS (wrong version number); plaintext wants redis://',
    ])
  })

  test('a server that hangs up', async () => {
    await using rude = await startFakeServer((socket) => socket.on('data', () => socket.destroy()))
    expect(await toldAtFirst(`redis://127.0.0.1:${rude.port}`)).toEqual([
      expect.stringMatching(/: the peer closed the connection before its first answer; a TLS port wants/),
    ])
  })

  test('rediss:// to a port that knows no TLS and says nothing: the cause follows', async () => {
    await using silent = await startFakeServer((socket) => socket.resume())
    const url = `rediss://127.0.0.1:${silent.port}`
    expect(await toldAtFirst(url, 2)).toEqual([
      `cache "life": L2 ${url}/0: not reached yet, going on without it: ` +
        'no answer to the TLS handshake yet (is it a TLS port?)',
      `cache "life": L2 ${url}/0: still away: not ready within 1000 ms`,
    ])
  })

  test.each([
    ['no password', '', 'the server asks for a password, and none was given (NOAUTH)'],
    ['a wrong password', ':wrong@', 'the server does not accept this user and password (WRONGPASS)'],
  ])('%s', async (_title, credentials, cause) => {
    await using server = await startRedis({ password: 'right' })
    const url = `redis://127.0.0.1:${server.port}`
    expect(await toldAtFirst(url.replace('//', `//${credentials}`))).toEqual([
      `cache "life": L2 ${url}/0: ${cause}; going on without it`,
    ])
  })

  test('a user without rights', async () => {
    await using server = await startRedis()
    await server.cli('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '+hello', '+info', '+time')
    const lines = await toldAtFirst(`redis://app:pw@127.0.0.1:${server.port}`)
    expect(lines).toEqual([
      expect.stringMatching(
        /NOPERM.*; going on without it; needed rights: leastAcl\(\) of @holdfast\/redis$/,
      ),
    ])
  })
})

test('a connection that is lost is told of as such, with the name of the cache', async () => {
  await using server = await startRedis()
  const { cache, lines } = open(server.url)
  await using _ = cache
  await until('the server is used', () => cache.stats().l2.online)
  await server.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await until('it is told', () => lines.length > 0)
  expect(lines).toEqual([
    `cache "life": L2 ${server.url}/0 is lost (the peer closed the connection); ` +
      'going on without it, and connecting again',
  ])
})

test('a server that was said to be away is said to answer again, once', async () => {
  await using server = await startRedis()
  const told: string[] = []
  const tell = (line: string) => void told.push(line)
  const toldOf = (text: string) => told.filter((line) => line.includes(text))
  const cache = createCache({ name: 'life', l2: redis(server.url), logger: { info: tell, warn: tell } })
  await using _ = cache
  await until('the server is used', () => cache.stats().l2.online)
  expect(toldOf('answers again')).toEqual([])
  await server.kill()
  await until('its loss is told', () => toldOf('is lost').length === 1)
  // So many that the breaker opens, which a new connection closes.
  for (let i = 0; i < 10; i++) await cache.delete(`k${i}`)
  expect(toldOf('found it away or too late')).toHaveLength(1)
  await server.restart()
  await until('the server is used again', () => cache.stats().l2.online)
  expect(toldOf('answers again')).toEqual([`cache "life": L2 ${server.url}/0: answers again`])
})

test('a user who may not do one thing is told which rights are needed', async () => {
  await using server = await startRedis()
  await server.cli('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '&*', '+@all', '-evalsha', '-eval')
  // What every cache of a server needs is there.
  const other = open(server.url).cache
  await until('the server is used', () => other.stats().l2.online)
  await other.close()
  const { cache, lines } = open(`redis://app:pw@127.0.0.1:${server.port}`)
  await using _ = cache
  await until('the server is used', () => cache.stats().l2.online)
  await cache.getOrSet('k', () => 'v')
  await until('it is told', () => lines.length > 0)
  expect(lines).toEqual([
    expect.stringMatching(
      /^cache "life": L2 .*NOPERM.*evalsha.*; needed rights: leastAcl\(\) of @holdfast\/redis$/,
    ),
  ])
})
