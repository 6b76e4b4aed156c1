/** S11: whatever goes wrong, no line, error, event or statistic shows the password or the user's name. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { inspect } from 'node:util'
import { freePort, makeCertificate, type RedisServer, startRedis, until } from '@holdfast/testkit'
import { type Cache, createCache } from 'holdfast'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type RedisOptions, redis } from '../redis.ts'
import { replying, startFakeServer } from '../testing/fake-server.ts'
import { tlsArgs } from '../testing/tls-args.ts'

const PASSWORD = 'Zq9-hunter2@/:%'
const USER = 'wilhelmina'
const CREDENTIALS = `${USER}:${encodeURIComponent(PASSWORD)}@`
// Also as it stands in a URL, and as bytes that somebody might print.
const FORBIDDEN = new RegExp(
  ['hunter2', USER, Buffer.from('hunter2').toString('hex'), Buffer.from(PASSWORD).toString('base64')].join(
    '|',
  ),
)

let server: RedisServer
beforeAll(async () => {
  server = await startRedis({ password: PASSWORD })
  await server.cli('ACL', 'SETUSER', USER, 'on', `>${PASSWORD}`, '~*', '+@all')
  await server.cli('ACL', 'SETUSER', `${USER}2`, 'on', `>${PASSWORD}`, '~*', '+@all', '-info')
})
afterAll(() => server.stop())

/** Everything that a program can get to see of a cache. */
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

function expectNothingShown(): void {
  for (const thing of seen) expect(textOf(thing)).not.toMatch(FORBIDDEN)
}

/** As thorough a look as there is: hidden properties, causes and stacks included. */
function textOf(thing: unknown): string {
  const shown = inspect(thing, { depth: null, showHidden: true, maxStringLength: null, maxArrayLength: null })
  return `${shown}\n${String(thing)}\n${thing instanceof Error ? thing.stack : JSON.stringify(thing)}`
}

/** Lets everything go wrong that can, and looks at all of it. */
async function exercise(url: string, options?: RedisOptions): Promise<void> {
  let warnings = 0
  const warn = (line: string): void => {
    warnings++
    see(line)
  }
  const cache = createCache({
    name: 'app',
    logger: { info: see, warn },
    l2: redis(url, options),
    l2Timeout: '50ms',
  })
  await until('the trouble is told of', () => warnings > 0)
  await useBadly(cache)
  see(cache)
  see(await cache.explain('k'))
  see(cache.stats())
  see(await cache.close())
  await useBadly(cache)
  // And where there is no logger, warnings go to the process.
  await using silent = createCache({ name: 'app', l2: redis(url, options), l2Timeout: '50ms' })
  await useBadly(silent)
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

describe('credentials are not shown (S11)', () => {
  test.each([
    ['a wrong password', () => server.url.replace(/:\/\/.*@/, `://:${encodeURIComponent(`${PASSWORD}!`)}@`)],
    ['a wrong user', () => server.url.replace(/:\/\/.*@/, `://${USER}3:${encodeURIComponent(PASSWORD)}@`)],
    [
      'a user without rights',
      () => server.url.replace(/:\/\/.*@/, `://${USER}2:${encodeURIComponent(PASSWORD)}@`),
    ],
    ['a database that is none', () => `${server.url.replace(/:\/\/.*@/, `://${CREDENTIALS}`)}/99`],
    ['TLS with a server that has none', () => server.url.replace(/redis:\/\/.*@/, `rediss://${CREDENTIALS}`)],
    ['a name that is none', () => `redis://${CREDENTIALS}nowhere.invalid`],
    ['a path where no socket is', () => `redis+unix://${CREDENTIALS}/nowhere/redis.sock`],
  ])('%s', async (_title, url) => {
    await exercise(url())
    expectNothingShown()
  })

  test('a port where nobody listens', async () => {
    await exercise(`redis://${CREDENTIALS}127.0.0.1:${await freePort()}`)
    expectNothingShown()
  })

  test('a certificate that nobody vouches for', async () => {
    using certificate = makeCertificate('DNS:localhost')
    const port = await freePort()
    await using secure = await startRedis({ args: tlsArgs(certificate.files, port) })
    expect(secure.port).not.toBe(port)
    await exercise(`rediss://${CREDENTIALS}127.0.0.1:${port}`)
    expectNothingShown()
  })

  test('a server that freezes, dies and comes back', async () => {
    await using frail = await startRedis({ password: PASSWORD })
    const logger = { info: see, warn: see }
    await using cache = createCache({ name: 'app', logger, l2: redis(frail.url), l2Timeout: '50ms' })
    await until('it is used', () => cache.stats().l2.online)
    frail.pause()
    await useBadly(cache)
    frail.resume()
    await frail.kill()
    await useBadly(cache)
    await frail.restart()
    await until('it is used again', () => cache.stats().l2.online)
    // The password is changed while the connection stands.
    await frail.cli('CONFIG', 'SET', 'requirepass', 'another')
    await frail.cli('CLIENT', 'KILL', 'TYPE', 'normal')
    await until('it is refused', () => seen.some((thing) => String(thing).includes('does not accept')))
    await useBadly(cache)
    see(cache.stats())
    expectNothingShown()
  })

  const greeting = (version: string, mode: string): string =>
    ['%3', '+version', `+${version}`, '+mode', `+${mode}`, '+role', '+master'].join('\r\n')
  const fakes: Record<string, (socket: Socket) => void> = {
    'what it is told': (socket) => socket.on('data', (sent) => socket.write(sent)),
    'it in an error': replying((_nth, sent) => `-ERR unknown command with args beginning with ${sent}`),
    'it as the first word of an error': replying(() => `-${PASSWORD} is wrong`),
    'it in another error': replying((_nth, sent) => `-WRONGPASS you said ${sent}`),
    'it as text': replying((_nth, sent) => `+${sent}`),
    'it as a number': replying((_nth, sent) => `:${sent}`),
    'it as no type of RESP': replying((_nth, sent) => `HTTP/1.1 400 Bad Request ${sent}`),
    'it as a version': replying(() => greeting(PASSWORD, 'standalone')),
    'it as a mode': replying(() => greeting('7.4', `${USER}${PASSWORD}`)),
    'it in an error after HELLO': replying((nth, sent) =>
      nth === 0 ? greeting('7.4', 'standalone') : `-NOPERM ${USER} with ${PASSWORD} may not ${sent}`,
    ),
    'it in an error that passes': replying((nth, sent) =>
      nth === 0 ? greeting('7.4', 'standalone') : `-LOADING ${PASSWORD} ${sent}`,
    ),
    nothing: (socket) => socket.on('data', () => socket.destroy()),
  }
  test.each(Object.entries(fakes))('a server that repeats %s', async (_title, serve) => {
    await using fake = await startFakeServer(serve)
    await exercise(`redis://${CREDENTIALS}127.0.0.1:${fake.port}`)
    expect(fake.taken).toBeGreaterThan(0)
    expectNothingShown()
  })

  test('the look is thorough: it finds the password wherever it would be', () => {
    const cause = new Error(`AUTH ${PASSWORD}`)
    const hidden = Object.defineProperty({}, 'url', { value: `redis://${CREDENTIALS}h`, enumerable: false })
    for (const leak of [
      new Error('outer', { cause: new Error('inner', { cause }) }),
      { deep: [{ deeper: { options: { password: PASSWORD } } }] },
      hidden,
      `L2 redis://${CREDENTIALS}h: gone`,
      { sent: Buffer.from(PASSWORD).toString('hex') },
    ]) {
      expect(textOf(leak)).toMatch(FORBIDDEN)
    }
  })
})
