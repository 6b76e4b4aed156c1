/** S11: the way to the server is verified, or said to be open. */
import { connect } from 'node:tls'
import {
  type Certificate,
  freePort,
  makeCertificate,
  type RedisServer,
  startRedis,
  until,
} from '@holdfast/testkit'
import { type Cache, CacheError, createCache } from 'holdfast'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type RedisOptions, redis } from '../redis.ts'
import { tlsArgs } from '../testing/tls-args.ts'

let certificate: Certificate
let foreign: Certificate
let server: RedisServer
let foreignServer: RedisServer
let url: string
let foreignUrl: string
beforeAll(async () => {
  certificate = makeCertificate('DNS:localhost', 'IP:127.0.0.1')
  foreign = makeCertificate('DNS:elsewhere.example')
  const [port, foreignPort] = [await freePort(), await freePort()]
  server = await startRedis({ args: tlsArgs(certificate.files, port) })
  foreignServer = await startRedis({ args: tlsArgs(foreign.files, foreignPort) })
  url = `rediss://127.0.0.1:${port}`
  foreignUrl = `rediss://127.0.0.1:${foreignPort}`
})
afterAll(async () => {
  await server.stop()
  await foreignServer.stop()
  certificate[Symbol.dispose]()
  foreign[Symbol.dispose]()
})

/** A cache, and the warnings that it logs. */
function open(address: string, options?: RedisOptions): { cache: Cache; warnings: string[] } {
  const warnings: string[] = []
  const logger = { info: () => undefined, warn: (line: string) => void warnings.push(line) }
  return {
    cache: createCache({ name: 'tls', l2: redis(address, options), logger, l2Timeout: '300ms' }),
    warnings,
  }
}

async function expectRefused(address: string, reason: RegExp, options?: RedisOptions): Promise<void> {
  const { cache, warnings } = open(address, options)
  try {
    await until('the refusal is told of', () => warnings.length > 0)
    expect(warnings[0]).toMatch(reason)
    expect(cache.stats().l2.online).toBe(false)
    const error = await cache.delete('k', { require: 'applied' }).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(CacheError)
    expect(error).toMatchObject({ code: 'not_applied' })
    // It goes on without L2.
    expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded')
  } finally {
    await cache.close()
  }
}

describe('TLS is verified (S11)', () => {
  test('a certificate that nobody vouches for is refused by a typed error, and the cache goes on', async () => {
    await expectRefused(url, /self-signed certificate/)
  })

  test('a certificate of another host is refused, though its authority is known', async () => {
    await expectRefused(foreignUrl, /IP: 127\.0\.0\.1 is not in the cert's list/, {
      tls: { ca: foreign.pem },
    })
  })

  test('NODE_TLS_REJECT_UNAUTHORIZED=0 changes nothing, nor does a setting that is undefined', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    try {
      // The variable is one that works: Node's own client takes the certificate now.
      const plain = connect({ host: '127.0.0.1', port: Number(new URL(url).port) })
      await new Promise((resolve, reject) => plain.once('secureConnect', resolve).once('error', reject))
      plain.destroy()
      await expectRefused(url, /self-signed certificate/)
      const fromPlainJs: RedisOptions = JSON.parse('0', () => ({ tls: { rejectUnauthorized: undefined } }))
      await expectRefused(url, /self-signed certificate/, fromPlainJs)
    } finally {
      vi.unstubAllEnvs()
    }
  })

  test('with its authority given, the server is used; nothing is warned of', async () => {
    const { cache, warnings } = open(url, { tls: { ca: certificate.pem } })
    await until('the server is used', () => cache.stats().l2.online)
    await cache.set('k', 'v')
    expect(await server.cli('EXISTS', 'v:{3:tlsk}')).toBe(1)
    expect(warnings).toEqual([])
    await cache.close()
  })

  test('verification can be turned off in so many words only, and that is warned of', async () => {
    const { cache, warnings } = open(url, { tls: { rejectUnauthorized: false } })
    await until('the server is used', () => cache.stats().l2.online)
    expect(warnings).toEqual([
      expect.stringMatching(/^cache "tls": L2 rediss:.*its certificate is not verified/),
    ])
    await cache.close()
  })

  test('a plaintext server under rediss://, and TLS under redis://, are refused', async () => {
    await expectRefused(server.url.replace('redis:', 'rediss:'), /L2 rediss:.*not reached yet/)
    await expectRefused(url.replace('rediss:', 'redis:'), /L2 redis:.*not reached yet/)
  })

  test.each([
    ['redis://h', { tls: {} }, 'tls: expected a rediss:// url for TLS settings'],
    ['redis+unix:///s', { tls: {} }, 'tls: expected a rediss:// url for TLS settings'],
    ['rediss://h', { tls: false }, 'tls: expected settings or nothing for a rediss:// url'],
    ['rediss://h', { tls: true }, 'tls: expected TLS settings, or false, got true'],
    ['rediss://h', { tsl: {} }, 'redis options: expected failover or tls'],
  ])('%s with %j is refused by name', (address, given, message) => {
    const options: RedisOptions = JSON.parse('0', () => given)
    expect(() => redis(address, options)).toThrow(message)
  })
})
