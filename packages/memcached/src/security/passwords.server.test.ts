/** S11: whatever goes wrong, and wherever a URL was put, nothing that a program can see shows its password or user. */

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { inspect } from 'node:util'
import { freePort, makeCertificate, startMemcached, until } from '@holdfast/testkit'
import { type Cache, createCache } from 'holdfast'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { greeting, startFakeMemcached } from '../client/testing/fake-memcached.ts'
import { memcached } from '../memcached.ts'
import type { MemcachedOptions } from '../memcached-options.ts'

const PASSWORD = 'Zq9-hunter2@/:%'
const USER = 'wilhelmina'
const CREDENTIALS = `${USER}:${encodeURIComponent(PASSWORD)}@`
// Also as it stands in a URL, and as bytes that somebody might print.
const FORBIDDEN = new RegExp(
  ['hunter2', USER, Buffer.from('hunter2').toString('hex'), Buffer.from(PASSWORD).toString('base64')].join(
    '|',
  ),
)

/** Everything that a program can get to see. */
let seen: unknown[]
const see = (thing: unknown): void => void seen.push(thing)
const channels = ['read', 'load', 'invalidate', 'trouble'].map((name) => `holdfast:${name}`)
beforeEach(() => {
  seen = []
  for (const name of channels) subscribe(name, see)
  process.on('warning', see)
})
afterEach(() => {
  for (const name of channels) unsubscribe(name, see)
  process.off('warning', see)
})

/** As thorough a look as there is: hidden properties, causes and stacks included. */
function textOf(thing: unknown): string {
  const shown = inspect(thing, { depth: null, showHidden: true, maxStringLength: null, maxArrayLength: null })
  return `${shown}\n${String(thing)}\n${thing instanceof Error ? thing.stack : JSON.stringify(thing)}`
}

function expectNothingShown(): void {
  expect(seen.length).toBeGreaterThan(0)
  for (const thing of seen) expect(textOf(thing)).not.toMatch(FORBIDDEN)
}

/** Lets everything go wrong that can, and looks at all of it. */
async function exercise(url: string, options?: MemcachedOptions): Promise<void> {
  let warnings = 0
  const warn = (line: string): void => {
    warnings++
    see(line)
  }
  const definition = memcached(url, options)
  see(definition)
  const cache = createCache({ name: 'app', logger: { info: see, warn }, l2: definition, l2Timeout: '50ms' })
  await until('the trouble is told of', () => warnings > 0)
  await useBadly(cache)
  see(cache)
  see(await cache.explain('k'))
  see(cache.stats())
  see(await cache.close())
  await useBadly(cache)
}

async function useBadly(cache: Cache): Promise<void> {
  const calls = [
    () => cache.getOrSet('k', () => 1),
    () => cache.set('k', 1),
    () => cache.delete('k', { require: 'applied' }),
    () => cache.clear({ require: 'applied' }),
    () => cache.write({ keys: ['k'] }, () => 1),
    () => cache.barrier(),
    () => cache.inspect(),
  ]
  for (const call of calls) await call().then(see, see)
}

/** What answers each line as it is told; its port. It ends with its test. */
async function startFake(serve: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined))
    serve(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it listens on no port')
  return address.port
}

function replying(reply: (sent: string) => string): (socket: Socket) => void {
  return (socket) =>
    socket.on('data', (sent) => socket.write(`${reply(sent.toString('latin1').split('\r\n').join(' '))}\r\n`))
}

describe('credentials are not shown (S11)', () => {
  test('that the server does not accept, or does not ask for', async () => {
    await using closed = await startMemcached({ users: { shop: 'another' } })
    await using open = await startMemcached()
    for (const { port } of [closed, open]) await exercise(`memcached://${CREDENTIALS}127.0.0.1:${port}`)
    await exercise(`memcached://${CREDENTIALS}127.0.0.1:${open.port},127.0.0.1:${closed.port}`)
    expectNothingShown()
  })

  test.each([
    ['a name that is none', `memcached://${CREDENTIALS}nowhere.invalid`, {}],
    ['a path where no socket is', `memcached+unix://${CREDENTIALS}/nowhere/memcached.sock`, {}],
    ['a gutter', `memcached://127.0.0.1:1`, { gutter: `memcached://${CREDENTIALS}127.0.0.1:2` }],
  ])('%s', async (_title, url, options) => {
    await exercise(url, options)
    expectNothingShown()
  })

  test('a port where nobody listens, one without TLS, and one with a certificate that nobody vouches for', async () => {
    using certificate = makeCertificate('DNS:localhost')
    await using plain = await startMemcached()
    await using secure = await startMemcached({ tls: certificate.files })
    for (const port of [await freePort(), plain.port, secure.port])
      await exercise(`memcacheds://${CREDENTIALS}127.0.0.1:${port}`)
    await exercise(`memcached://${CREDENTIALS}127.0.0.1:${secure.port}`)
    expectNothingShown()
  })

  const fakes: Record<string, (socket: Socket) => void> = {
    'what it is told': (socket) => socket.on('data', (sent) => socket.write(sent)),
    'it in an error': replying((sent) => `CLIENT_ERROR bad command ${sent}`),
    'it in an error of its own': replying((sent) => `SERVER_ERROR ${sent}`),
    'it as an error': replying(() => `ERROR ${PASSWORD}`),
    'it as a version': replying(() => `VERSION ${USER} ${PASSWORD}`),
    'it as no reply of Memcached': replying((sent) => `HTTP/1.1 400 Bad Request ${sent}`),
    'it as a word': replying(() => PASSWORD),
    nothing: (socket) => socket.on('data', () => socket.destroy()),
  }
  test.each(Object.entries(fakes))('a server that repeats %s', async (_title, serve) => {
    const url = `memcached://${CREDENTIALS}127.0.0.1:${await startFake(serve)}`
    await exercise(url)
    expectNothingShown()
  })

  test.each(['its version', 'an error after it has shaken hands'])(
    'a server that tells it as %s',
    async (where) => {
      const told = where === 'its version' ? `1.6.45 ${PASSWORD} of ${USER}` : '1.6.45'
      const port = await startFakeMemcached(
        (line) => `SERVER_ERROR ${USER} with ${PASSWORD} may not ${line}`,
        (line) =>
          line.startsWith('set ') || line === PASSWORD ? 'STORED' : greeting(line)?.replace('1.6.18', told),
      )
      await exercise(`memcached://${CREDENTIALS}127.0.0.1:${port}`)
      expectNothingShown()
    },
  )

  test('a configuration endpoint that repeats what it is told', async () => {
    const port = await startFake((socket) => socket.on('data', (sent) => socket.write(sent)))
    await exercise(`memcached://${CREDENTIALS}127.0.0.1:${port}`, { discovery: 'elasticache' })
    expectNothingShown()
  })
})

describe('no option repeats a password (S11)', () => {
  const urls = [
    `memcached://${CREDENTIALS}a,b`,
    `memcached://${CREDENTIALS}a,memcacheds://${CREDENTIALS}A`,
    `memcached://${USER}:${PASSWORD}@a`,
    `redis://${CREDENTIALS}a/0`,
    `memcached://${USER}:hunter2`,
    `memcached://${'a'.repeat(70)}:hunter2@b/0`,
    `memcached+unix://${CREDENTIALS}host/path`,
    `${USER}:hunter2@a`,
  ]

  test.each(urls)('%j, whatever it is given to', (url) => {
    const seeMade = (...given: unknown[]) => {
      try {
        // @ts-expect-error what plain JavaScript may do
        see(memcached(...given))
      } catch (error) {
        see(error)
      }
    }
    const texts = [url, [url], [[url]], { url }, new URL('memcached://wilhelmina:hunter2@h')]
    for (const text of texts) {
      const own = `memcached://${CREDENTIALS}127.0.0.1`
      seeMade(text)
      seeMade(text, { discovery: 'elasticache' })
      seeMade(text, { tls: {} })
      seeMade(text, { gutter: own })
      for (const options of [text, { gutter: text }, { tls: text }, { tls: [text] }]) seeMade(own, options)
      // A word that is no URL is shown where a word is expected: it is misspelt.
      const words = url.includes('//') ? [{ placement: text }, { discovery: text }, { [url]: 1 }] : []
      for (const options of words) seeMade(own, options)
      seeMade(`${own},${url}`, { gutter: url, discovery: 'elasticache' })
    }
    expectNothingShown()
  })
})
