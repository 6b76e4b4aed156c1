/** S12 and S16: text is data. No name becomes a command on the server, nor a line of its own in a log. */
import { type RedisServer, startRedis, until } from '@holdfast/testkit'
import { createCache } from 'holdfast'
import { systemClock } from 'holdfast/contracts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RedisClient } from '../client.ts'
import { redis } from '../redis.ts'
import { replying, startFakeServer } from '../testing/fake-server.ts'
import { INJECTION } from '../testing/odd-names.ts'
import { inUse } from '../testing/tiers.ts'
import { useAll } from '../testing/use-all.ts'
import { parseRedisUrl } from '../url.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

describe('commands (S12)', () => {
  test.each([
    ['an inline command', INJECTION],
    ['a whole request', '*1\r\n$8\r\nFLUSHALL\r\n'],
    ['the end of a bulk string', '\r\n*3\r\n$3\r\nSET\r\n$4\r\nevil\r\n$1\r\n1\r\n'],
    ['a length that is none', '$-1\r\n*-1\r\n'],
    ['what a browser would be made to send', 'POST / HTTP/1.1\r\nHost: x\r\n\r\nFLUSHALL\r\nQUIT\r\n'],
  ])('%s in name, namespace, key, tag and value stays there', async (_title, hostile) => {
    await server.cli('SET', 'sentinel', 'alive')
    await server.cli('CONFIG', 'RESETSTAT')
    await using cache = createCache({ name: hostile, l2: redis(server.url), l2Timeout: '10s' })
    const inner = cache.namespace(hostile)
    for (const one of [cache, inner]) {
      await inUse(one, 'L1 and Redis')
      await useAll(one, hostile)
      await one.set(hostile, { [hostile]: [hostile, Buffer.from(hostile)] }, { tags: [hostile] })
    }
    await using other = createCache({ name: hostile, l2: redis(server.url), l2Timeout: '10s' })
    expect(await other.get(hostile)).toEqual({ [hostile]: [hostile, Buffer.from(hostile)] })
    const ran = Object.keys(await server.info('commandstats'))
    expect(ran).toContain('cmdstat_evalsha')
    expect(ran.filter((field) => /flush|quit|config\|set|shutdown/.test(field))).toEqual([])
    expect((await server.info('errorstats')).errorstat_ERR).toBe(undefined)
    expect(await server.cli('GET', 'sentinel')).toBe('alive')
    expect(await server.cli('EXISTS', 'evil')).toBe(0)
    const clients = String(await server.cli('CLIENT', 'LIST'))
      .trim()
      .split('\n')
    expect(
      clients.filter((line) => /^id=\d+ .* name=holdfast:[\x21-\x7e]* /.test(line)).length,
    ).toBeGreaterThan(0)
    expect(clients.every((line) => line.startsWith('id='))).toBe(true)
  })

  test.each(['a\r\nFLUSHALL', 'a\nb', 'a b', 'a\0', 'é', '', 'x'.repeat(65)])(
    'the client name %j is refused',
    (clientName) => {
      const address = parseRedisUrl(server.url)
      const options = { address, clock: systemClock, heartbeatMs: 60_000, clientName }
      expect(() => Reflect.construct(RedisClient, [options])).toThrow(
        'clientName: expected 1 to 64 printable ASCII characters',
      )
    },
  )

  test.each([
    'redis://h\r\nFLUSHALL',
    'redis://h%0d%0aFLUSHALL',
    'redis://:p%0d%0aFLUSHALL@h',
    'redis://u%0a:p@h',
    'redis://h/0%0d%0aFLUSHALL',
    'redis+unix:///s%0d%0aFLUSHALL',
    'gopher://h:6379/_FLUSHALL',
    'http://h:6379/',
  ])('the url %j is refused', (url) => {
    expect(() => redis(url)).toThrow(/^redis url: /)
  })
})

describe('log lines (S16)', () => {
  const FORGED = 'a\r\n[ERROR] forged\u2028\u001b[31m\u0085 '
  const LONG = 'x'.repeat(5_000)

  /** Every line that a cache over such a server logs, and every error that its calls end with. */
  async function told(url: string): Promise<readonly string[]> {
    const lines: string[] = []
    const log = (line: string): void => void lines.push(line)
    let warnings = 0
    const warn = (line: string): void => {
      warnings++
      log(line)
    }
    const logger = { info: log, warn }
    const name = `shop${FORGED}`
    await using cache = createCache({ name, logger, l2: redis(url), l2Timeout: '50ms' })
    await until('something is told', () => warnings > 0)
    const key = `${FORGED}${'k'.repeat(2_000)}`
    for (const call of [
      () => cache.delete(key, { require: 'applied' }),
      () => cache.write({ keys: [key] }, () => 1),
      () => cache.barrier(),
      () => cache.inspect(),
    ]) {
      await call().catch((error: unknown) => log(error instanceof Error ? error.message : String(error)))
    }
    return lines
  }

  function expectLines(lines: readonly string[]): void {
    expect(lines.length).toBeGreaterThan(1)
    for (const line of lines) {
      expect(line).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u)
      expect(line).not.toMatch(/x{100}|k{100}/)
    }
  }

  const greeting = (version: string, mode: string, role: string): string => {
    const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}`
    const fields = ['version', version, 'mode', mode, 'role', role]
    return `%3\r\n${fields.map(bulk).join('\r\n')}`
  }
  const bulkError = (text: string): string => `!${Buffer.byteLength(text)}\r\n${text}`
  test.each([
    ['an error of several lines', () => bulkError(`ERR ${FORGED}${LONG}`)],
    ['an error whose first word has several lines', () => bulkError(`${FORGED.trim()}${LONG}`)],
    ['a version of several lines', () => greeting(`${FORGED}${LONG}`, 'standalone', 'master')],
    ['a mode of several lines', () => greeting('7.4', `${FORGED}${LONG}`, 'master')],
    ['a role of several lines', () => greeting('7.4', 'standalone', `${FORGED}${LONG}`)],
    [
      'an error of several lines to all but HELLO',
      (nth: number) =>
        nth === 0 ? greeting('7.4', 'standalone', 'master') : bulkError(`NOPERM ${FORGED}${LONG}`),
    ],
    [
      'a primary of several lines',
      (nth: number) => {
        const info = `master_host:${FORGED.replaceAll('\r\n', '\n')}${LONG}\r\nmaster_port:1\r\nredis_version:7.4\r\n`
        return nth === 0 ? greeting('7.4', 'standalone', 'replica') : `$${Buffer.byteLength(info)}\r\n${info}`
      },
    ],
  ] as const)('%s, of a server, is one line and cut', async (_title, reply) => {
    await using fake = await startFakeServer(replying(reply))
    expectLines(await told(`redis://127.0.0.1:${fake.port}`))
  })

  test('a server that is gone, and a host that is none, are one line each', async () => {
    expectLines(await told('redis://127.0.0.1:1'))
    expectLines(await told('redis://nowhere.invalid'))
  })
})
